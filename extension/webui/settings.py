"""The settings section "Quartermaster": every default is meant to be right for most. No secret stands here.

What a web UI's settings hold is readable to all who can reach the page.
"""

import os
from dataclasses import dataclass
from typing import Any

from .host import Host

SECTION = ("quartermaster", "Quartermaster")
PREFIX = "quartermaster_"


@dataclass(frozen=True)
class Setting:
    """One setting: its key (without the prefix), default, label, and what stands small behind the label."""

    key: str
    default: Any
    label: str
    info: str = ""


TABLE = (
    Setting("pause_while_generating", True, "Pause hashing while images are generated"),
    Setting("hash_mib_per_second", 0, "Hash no faster than this many MiB per second", "0: no limit"),
    Setting("badges", True, "Show on cards whether a model works with the loaded checkpoint"),
    Setting("availability_badges", True, "Show on cards which other servers have the model"),
    Setting("prompt_warning", True, "Warn above Generate when the prompt uses what cannot work or is missing here"),
    Setting("excludes", "", "Files and folders that are not listed", "patterns, separated by commas: *.ckpt, private"),
    Setting(
        "never_share", "", "Folders whose models are never sent to another server", "full paths, separated by commas"
    ),
)


@dataclass(frozen=True)
class Settings:
    """The settings as they are now."""

    pause_while_generating: bool
    mib_per_second: float | None
    badges: bool
    availability_badges: bool
    prompt_warning: bool
    excludes: tuple[str, ...]
    never_share: tuple[str, ...]

    @classmethod
    def of(cls, host: Host) -> "Settings":
        """Read them; what was changed to something unusable counts as unset."""
        values = {setting.key: host.option(PREFIX + setting.key, setting.default) for setting in TABLE}
        try:
            rate = float(values["hash_mib_per_second"])
        except (TypeError, ValueError):
            rate = 0.0
        return cls(
            pause_while_generating=bool(values["pause_while_generating"]),
            mib_per_second=rate if 0 < rate < 1e6 else None,
            badges=bool(values["badges"]),
            availability_badges=bool(values["availability_badges"]),
            prompt_warning=bool(values["prompt_warning"]),
            excludes=_listed(values["excludes"]),
            never_share=tuple(os.path.abspath(os.path.expanduser(path)) for path in _listed(values["never_share"])),
        )


def _listed(text: object) -> tuple[str, ...]:
    return tuple(part for part in (piece.strip() for piece in str(text).split(",")) if part)


def add_settings(host: Host) -> None:
    """Add the section to the page "Settings"."""
    for setting in TABLE:
        label = f"{setting.label} ({setting.info})" if setting.info else setting.label
        host.add_option(PREFIX + setting.key, setting.default, label, SECTION)

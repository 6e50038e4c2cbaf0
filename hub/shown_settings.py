"""What a hub runs with, as it can be shown: every setting with its value, where that comes from, and what it means."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

from .setting_meanings import MEANINGS
from .settings import ENVIRONMENT_PREFIX, HubSettings

DEFAULT = "default"
ENVIRONMENT = "environment"
STARTED_WITH = "command line"
_SECRET_WORDS = ("token", "secret", "password")
_A_PLACE = "_file"


@dataclass(frozen=True)
class ShownSetting:
    """A setting; ``value`` is None where there is none, ``source`` one of the three above."""

    name: str
    variable: str
    value: str | None
    source: str
    meaning: str


def shown_settings(settings: HubSettings, environment: Mapping[str, str] | None = None) -> list[ShownSetting]:
    """Return every setting, in its order; a secret is never in it."""
    environment = os.environ if environment is None else environment
    shown = []
    for item in fields(settings):
        if item.name == "limits":
            continue
        value, variable = getattr(settings, item.name), ENVIRONMENT_PREFIX + item.name.upper()
        if item.name != "data_dir" and environment.get(variable, "").strip():
            source = ENVIRONMENT
        else:
            source = DEFAULT if value == item.default else STARTED_WITH
        written = _written(settings, item.name, value)
        shown.append(ShownSetting(item.name, variable, written, source, MEANINGS.get(item.name, "")))
    return shown


def _written(settings: HubSettings, name: str, value: object) -> str | None:
    if value is None or value == "":
        return None
    if name == "database_url":
        return settings.describe_database()
    if any(word in name for word in _SECRET_WORDS) and not name.endswith(_A_PLACE):
        return "set, not shown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)

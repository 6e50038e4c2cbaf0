"""What a person can set about a hub; ``docs/hub.md`` lists every setting, and a test holds the two together."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from .errors import SettingsError
from .limits import Limits

ENVIRONMENT_PREFIX = "QUARTERMASTER_"
DATABASE_FILE = "hub.sqlite"
ON, OFF = "on", "off"
MAX_TOKEN_BYTES = 4096
_TOKEN = re.compile(r"[!-~]{1,500}")


@dataclass(frozen=True)
class HubSettings:
    """The settings of one hub.

    ``data_dir`` is a folder of the hub's own (made with mode 0700 where it is missing); ``database_url`` is an
    SQLAlchemy or libpq URL of a PostgreSQL database, None for the SQLite file in ``data_dir``.
    """

    data_dir: Path
    database_url: str | None = field(default=None, repr=False)
    stale_after_seconds: float = 90.0
    offline_after_seconds: float = 600.0
    busy_timeout_seconds: float = 15.0
    request_repeat_seconds: float = 300.0
    large_body_slots: int = 4
    civitai: str = OFF
    civitai_url: str = "https://civitai.com"
    civitai_token: str | None = field(default=None, repr=False)
    civitai_token_file: str | None = None
    civitai_pause_seconds: float = 2.0
    civitai_refresh_days: float = 30.0
    civitai_not_found_days: float = 7.0
    civitai_longest_not_found_days: float = 30.0
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 < self.stale_after_seconds <= self.offline_after_seconds:
            raise SettingsError(
                "stale_after_seconds must be above 0 and not above offline_after_seconds: "
                f"{self.stale_after_seconds:g}, {self.offline_after_seconds:g}"
            )
        if self.busy_timeout_seconds <= 0 or self.request_repeat_seconds <= 0 or self.large_body_slots < 1:
            raise SettingsError("busy_timeout_seconds, request_repeat_seconds and large_body_slots must be above 0")
        self._check_civitai()

    def _check_civitai(self) -> None:
        if self.civitai not in {ON, OFF}:
            raise SettingsError(f"civitai must be on or off, not {self.civitai[:40]!r}")
        if not 0 < self.civitai_not_found_days <= self.civitai_longest_not_found_days:
            raise SettingsError("civitai_not_found_days must be above 0 and not above civitai_longest_not_found_days")
        if not self.civitai_refresh_days > 0 or not 0 <= self.civitai_pause_seconds < 3600:
            raise SettingsError("civitai_refresh_days must be above 0, civitai_pause_seconds from 0 to 3600")
        try:
            parts = urlsplit(self.civitai_url)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
        except ValueError:
            usable = False
        if not usable:
            raise SettingsError("civitai_url must be an http or https address without a user name or password")
        if parts.scheme == "http" and (self.civitai_token or self.civitai_token_file) and not _is_here(parts.hostname):
            raise SettingsError("civitai_url must be https where a token is set: anybody on the way could read it")

    def read_civitai_token(self) -> str | None:
        """Return the token for Civitai, from its setting or its file; None where neither is set.

        Raises:
            SettingsError: the file cannot be read, is open to others, or holds no token.
        """
        if self.civitai_token is not None:
            return _token(self.civitai_token, "civitai_token")
        if self.civitai_token_file is None:
            return None
        try:
            with open(self.civitai_token_file, "rb") as file:
                if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                    raise SettingsError(
                        f"others may read the file {self.civitai_token_file}: run chmod 600 '{self.civitai_token_file}'"
                    )
                content = file.read(MAX_TOKEN_BYTES)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise SettingsError(f"the file {self.civitai_token_file} cannot be read: {reason}") from error
        return _token(content.decode("ascii", "replace"), f"the file {self.civitai_token_file}")

    @classmethod
    def from_environment(cls, data_dir: Path, environment: Mapping[str, str] | None = None) -> "HubSettings":
        """Return the settings that ``QUARTERMASTER_<NAME>`` variables give, defaults for the rest.

        Raises:
            SettingsError: a variable is not a number, or not one that the setting can have.
        """
        environment = os.environ if environment is None else environment
        values: dict[str, float | int | str] = {}
        for item in fields(cls):
            name = ENVIRONMENT_PREFIX + item.name.upper()
            text = environment.get(name, "").strip()
            if item.name in {"data_dir", "limits"} or not text:
                continue
            if item.default is None or isinstance(item.default, str):
                values[item.name] = text
                continue
            try:
                values[item.name] = int(text) if isinstance(item.default, int) else float(text)
            except ValueError:
                raise SettingsError(f"{name} must be a number, not {text[:40]!r}") from None
        return cls(data_dir=data_dir, **values)  # type: ignore[arg-type]  # each value has its field's own type

    @property
    def database_file(self) -> Path:
        """The SQLite file that is used where no ``database_url`` is set."""
        return self.data_dir / DATABASE_FILE

    def describe_database(self) -> str:
        """Return the database's place for a person: a file or a URL, never with its password."""
        if self.database_url is None:
            return str(self.database_file)
        parts = urlsplit(self.database_url)
        place = parts.netloc.rpartition("@")[2]
        user = parts.username
        return urlunsplit((parts.scheme, f"{user}@{place}" if user else place, parts.path, "", ""))


def _is_here(host: str | None) -> bool:
    return host in {"localhost", "127.0.0.1", "::1"}


def _token(text: str, place: str) -> str:
    if not _TOKEN.fullmatch(text.strip()):
        raise SettingsError(f"{place} holds no token: it must be one line of printable characters without blanks")
    return text.strip()

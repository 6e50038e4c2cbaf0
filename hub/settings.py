"""What a person can set about a hub; ``docs/hub.md`` lists every setting, and a test holds the two together."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from .errors import SettingsError
from .limits import Limits
from .proxies import read_proxies

ENVIRONMENT_PREFIX = "QUARTERMASTER_"
DATABASE_FILE = "hub.sqlite"
_TEXTS = {"database_url", "tls_cert", "tls_key", "trusted_proxies"}


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
    events_keep_days: float = 30.0
    history_keep_days: float = 730.0
    event_streams: int = 1000
    tls_cert: str | None = None
    tls_key: str | None = None
    trusted_proxies: str | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 < self.stale_after_seconds <= self.offline_after_seconds:
            raise SettingsError(
                "stale_after_seconds must be above 0 and not above offline_after_seconds: "
                f"{self.stale_after_seconds:g}, {self.offline_after_seconds:g}"
            )
        if self.busy_timeout_seconds <= 0 or self.request_repeat_seconds <= 0 or self.large_body_slots < 1:
            raise SettingsError("busy_timeout_seconds, request_repeat_seconds and large_body_slots must be above 0")
        if not (self.events_keep_days > 0 and self.history_keep_days > 0 and self.event_streams >= 0):
            raise SettingsError("events_keep_days and history_keep_days must be above 0, event_streams not below it")

        if (self.tls_cert is None) != (self.tls_key is None):
            raise SettingsError("TLS needs a certificate and its key: tls_cert and tls_key, or neither")
        read_proxies(self.trusted_proxies)

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
            if item.name in _TEXTS:
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

"""What a person can set about a hub; ``docs/hub.md`` lists every setting, and a test holds the two together."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from .cors import is_origin
from .errors import SettingsError
from .limits import Limits
from .logs import FORMATS, TEXT
from .proxies import read_proxies

ENVIRONMENT_PREFIX = "QUARTERMASTER_"
DATABASE_FILE = "hub.sqlite"
ON, OFF = "on", "off"
MAX_TOKEN_BYTES = 4096
_TOKEN = re.compile(r"[!-~]{1,500}")


@dataclass(frozen=True)
class HubSettings:
    """The settings of one hub.

    ``data_dir`` is a folder of the hub's own (made with mode 0700 where it is missing); ``database_url`` is an
    SQLAlchemy or libpq URL of a PostgreSQL database, None for the SQLite file in ``data_dir``. The others are
    explained in ``docs/hub.md``.
    """

    data_dir: Path
    database_url: str | None = field(default=None, repr=False)
    stale_after_seconds: float = 90.0
    offline_after_seconds: float = 600.0
    busy_timeout_seconds: float = 15.0
    request_repeat_seconds: float = 300.0
    large_body_slots: int = 4
    session_idle_days: float = 7.0
    session_days: float = 30.0
    hsts_seconds: int = 0
    audit_keep_days: float = 365.0
    requests_per_minute: int = 3000
    failed_keys_per_minute: int = 120
    events_keep_days: float = 30.0
    history_keep_days: float = 730.0
    jobs_keep_days: float = 90.0
    job_images_keep_days: float = 30.0
    job_images_keep_mib: int = 4096
    event_streams: int = 1000
    job_lease_seconds: float = 60.0
    backup_before_migrating: bool = True
    backups_kept: int = 10
    civitai: str = OFF
    civitai_url: str = "https://civitai.com"
    civitai_token: str | None = field(default=None, repr=False)
    civitai_token_file: str | None = None
    civitai_pause_seconds: float = 2.0
    civitai_refresh_days: float = 30.0
    civitai_not_found_days: float = 7.0
    civitai_longest_not_found_days: float = 30.0
    cors_origins: str = "http://localhost:7860,http://127.0.0.1:7860"
    log_format: str = TEXT
    metrics_public: bool = False
    ready_free_mb: float = 100.0
    drain_seconds: float = 0.0
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
        if not 0 < self.job_images_keep_days <= self.jobs_keep_days or self.job_images_keep_mib < 1:
            raise SettingsError(
                "job_images_keep_days must be above 0 and not above jobs_keep_days, job_images_keep_mib at least 1"
            )
        if not 1 <= self.job_lease_seconds <= 3600:
            raise SettingsError(f"job_lease_seconds must be from 1 to 3600: {self.job_lease_seconds:g}")
        if self.backups_kept < 1:
            raise SettingsError("backups_kept must be at least 1")
        if not 0 < self.session_idle_days <= self.session_days <= 400:
            raise SettingsError("session_idle_days must be above 0 and not above session_days, which is at most 400")
        if self.requests_per_minute < 0 or self.failed_keys_per_minute < 0:
            raise SettingsError("requests_per_minute and failed_keys_per_minute must not be below 0 (0: any number)")
        if self.hsts_seconds < 0 or self.audit_keep_days <= 0:
            raise SettingsError("hsts_seconds must not be below 0, and audit_keep_days must be above 0")
        if self.log_format not in FORMATS:
            raise SettingsError(f"log_format must be one of {', '.join(FORMATS)}, not {self.log_format[:40]!r}")
        if not (self.ready_free_mb >= 0 and 0 <= self.drain_seconds <= 3600):
            raise SettingsError("ready_free_mb must not be below 0, drain_seconds not below 0 nor above 3600")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SettingsError("TLS needs a certificate and its key: tls_cert and tls_key, or neither")
        read_proxies(self.trusted_proxies)
        for origin in self.origins:
            if not is_origin(origin):
                raise SettingsError(f"cors_origins: {origin[:80]!r} must look like http://localhost:7860")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SettingsError("TLS needs a certificate and its key: tls_cert and tls_key, or neither")
        read_proxies(self.trusted_proxies)
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

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins of ``cors_origins``, one by one."""
        listed = (origin.strip().rstrip("/") for origin in self.cors_origins.split(","))
        return tuple(origin for origin in listed if origin and origin != "none")

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
            if isinstance(item.default, bool):
                values[item.name] = _switch(name, text)
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


def _switch(name: str, text: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    try:
        return words[text.lower()]
    except KeyError:
        raise SettingsError(f"{name} must be 1 or 0, not {text[:40]!r}") from None


def _is_here(host: str | None) -> bool:
    return host in {"localhost", "127.0.0.1", "::1"}


def _token(text: str, place: str) -> str:
    if not _TOKEN.fullmatch(text.strip()):
        raise SettingsError(f"{place} holds no token: it must be one line of printable characters without blanks")
    return text.strip()

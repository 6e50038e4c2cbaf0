"""Makes a backup beside the answering, when a person asks for one on the page."""

import logging
import threading
from dataclasses import dataclass

from ..errors import BackupError
from ..settings import HubSettings
from .backups import Backup, Backups

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Making:
    """How it stands: whether one is being made by this process, and why the last one could not be, if it could not."""

    running: bool = False
    error: str | None = None


class BackupMaker:
    """The backups of one hub; one at a time is made by this process, and ``Backups`` sees to the others."""

    def __init__(self, settings: HubSettings, revision: str) -> None:
        self._backups = Backups(settings)
        self._revision = revision
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._state = Making()

    @property
    def folder(self) -> str:
        """Where they are."""
        return str(self._backups.folder)

    def listed(self) -> list[Backup]:
        """Return what there is, the newest first."""
        return self._backups.listed()

    def state(self) -> Making:
        """Return how it stands."""
        with self._lock:
            return self._state

    def start(self) -> None:
        """Begin to make one, unless that is being done."""
        with self._lock:
            if self._state.running:
                return
            self._state = Making(running=True)
            self._thread = threading.Thread(target=self._make, name="quartermaster-backup")
            self._thread.start()

    def wait(self) -> None:
        """Wait until none is being made: before the database is closed."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _make(self) -> None:
        error = "it failed; the hub's log says why"
        try:
            made = self._backups.make(self._revision)
            _log.info("a backup was made: %s", made.path)
            error = ""
        except BackupError as failed:
            _log.warning("a backup could not be made: %s", failed)
            error = str(failed)
        except Exception:
            _log.exception("a backup could not be made")
        finally:
            with self._lock:
                self._state = Making(error=error or None)

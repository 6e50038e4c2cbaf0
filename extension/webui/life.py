"""The life of the one agent in a web UI's process: started and stopped aside, paused while images are made.

One thread keeps it. Nothing that the web UI's own threads call waits for a disk or a network; "Apply and restart" and
Ctrl-C end the process without a word, which the agent survives as it does a kill.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ...hub_client import HubError
from ..agent import Agent
from ..config import AgentConfig
from ..jobs.engine import EngineError
from ..jobs.runner import JobsConfig
from ..lock import AlreadyRunningError
from ..paths import data_home
from . import host_form
from .form import Form
from .host import Host
from .host_jobs import HostEngine
from .pairing import Pairing, PairingFile
from .question import RouteError
from .settings import Settings
from .taking import terms

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""How often the keeper looks whether images are being made, and at the settings."""
RETRY_SECONDS = 10.0
STOP_SECONDS = 20.0
State = Literal["starting", "running", "stopped", "failed"]


@dataclass(frozen=True)
class Condition:
    """How the agent is: ``message`` says, for a person, why it does not run."""

    state: State
    message: str | None = None


class Life:
    """Keeps the agent of one web UI."""

    def __init__(self, host: Host, home: Path | None = None) -> None:
        """Prepare it; nothing runs, and nothing was read, before ``start``."""
        self.host = host
        self.home = home or data_home()
        self.pairing_file = PairingFile(self.home, host.data_path, host.runtime)
        self.condition = Condition("stopped")
        self.paused_by_hand = False
        self.paused_for: str | None = None
        self.engine = HostEngine(host.runtime, lambda: Settings.of(host).job_patience_seconds)
        self._agent: Agent | None = None
        self._pairing: Pairing | None = None
        self._stop = threading.Event()
        self._again = threading.Event()
        self._wake = threading.Condition()
        self._keeper: threading.Thread | None = None

    @property
    def agent(self) -> Agent | None:
        """The agent, or None while none runs."""
        return self._agent

    @property
    def pairing(self) -> Pairing | None:
        """The pairing that the agent was started with, or None before that."""
        return self._pairing

    def start(self) -> None:
        """Start the agent, in a thread of its own; does nothing where it was started already."""
        if self._keeper is not None and self._keeper.is_alive():
            return
        self._stop = threading.Event()
        self.condition = Condition("starting")
        self.engine.close()  # scripts were loaded anew, and with them what the web UI's API knows of them
        self._keeper = threading.Thread(target=self._keep, args=(self._stop,), name="qm-keeper", daemon=True)
        self._keeper.start()

    def stop(self) -> None:
        """Stop the agent and wait for it."""
        self._stop.set()
        self.look()
        if self._keeper is not None:
            self._keeper.join(STOP_SECONDS)
            if self._keeper.is_alive():
                log.warning("Quartermaster's agent takes long to stop; it ends by itself.")

    def restart(self) -> None:
        """Start the agent anew, with the pairing and the settings as they are now."""
        self.condition = Condition("starting")
        self._again.set()
        self.look()

    def pause(self, paused: bool) -> None:
        """Pause the hashing by hand, or end that."""
        self.paused_by_hand = paused
        self.look()

    def look(self) -> None:
        """Have the keeper look at once."""
        with self._wake:
            self._wake.notify_all()

    def form(self, mode: str, values: Sequence[Any]) -> tuple[Form, Mapping[tuple[str, str], str]]:
        """Return what the page's form holds for Generate, and the files of the models that it chooses.

        Raises:
            RouteError: it cannot be a job.
        """
        try:
            found = host_form.form(mode, values, self.engine.script_defaults(mode))
            return found, host_form.files(found)
        except EngineError as error:
            raise RouteError(501, "not_supported", str(error)) from error

    # --- the keeper's thread

    def _keep(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._again.clear()
            agent = self._open()
            if agent is None:
                self._rest(stop, RETRY_SECONDS)
                continue
            try:
                agent.start()
                self._agent = agent
                self.condition = Condition("running")
                self._watch_over(agent, stop)
            finally:
                self._agent = None
                agent.stop()
        self.condition = Condition("stopped")

    def _open(self) -> Agent | None:
        try:
            self._pairing = self.pairing_file.read()
            return Agent(self._config(self._pairing))
        except AlreadyRunningError:
            server = self._pairing.server_id if self._pairing else ""
            problem = f"another agent of the server {server!r} runs on this machine; this one takes over when it ends"
        except (OSError, sqlite3.Error) as error:
            problem = f"the data folder {self.home} cannot be used: {getattr(error, 'strerror', None) or error}"
        except HubError as error:
            problem = f"the hub's address cannot be used: {error}. Unpair and pair again"
        except Exception as error:
            log.exception("Quartermaster's agent could not be started.")
            problem = f"it could not be started ({type(error).__name__}); the console says more"
        if self.condition.message != problem:
            log.warning("Quartermaster: %s.", problem)
        self.condition = Condition("failed", problem)
        return None

    def _config(self, pairing: Pairing) -> AgentConfig:
        folders, settings = self.host.folders(), Settings.of(self.host)
        return AgentConfig(
            server_id=pairing.server_id,
            named=folders.named,
            base=folders.base,
            closed=folders.closed,
            only_existing=True,
            excludes=settings.excludes,
            never_share=settings.never_share,
            hub=pairing.address,
            credentials=pairing.credentials,
            home=self.home,
            web_ui_hashes=self.host.cached_hashes,
            jobs=JobsConfig(engine=lambda: self.engine, terms=lambda: terms(self.host)),
        )

    def _watch_over(self, agent: Agent, stop: threading.Event) -> None:
        rate: float | None = None
        while not (stop.is_set() or self._again.is_set()):
            settings = Settings.of(self.host)
            if settings.take_jobs:
                self._look_at_the_engine()
            reason = self._reason_to_pause(settings)
            if reason != self.paused_for:
                self.paused_for = reason
                (agent.control.pause if reason else agent.control.resume)()
            if settings.mib_per_second != rate:
                rate = settings.mib_per_second
                agent.control.set_rate(rate)
            self._rest(stop, LOOK_SECONDS)
        self.paused_for = None

    def _look_at_the_engine(self) -> None:
        try:
            self.engine.look()
        except EngineError as error:
            log.debug("It cannot be seen whether somebody generates: %s", error)

    def _reason_to_pause(self, settings: Settings) -> str | None:
        if self.paused_by_hand:
            return "by hand"
        return "generating" if settings.pause_while_generating and self.host.generating() else None

    def _rest(self, stop: threading.Event, seconds: float) -> None:
        with self._wake:
            self._wake.wait_for(lambda: stop.is_set() or self._again.is_set(), seconds)


_life: Life | None = None
_lock = threading.Lock()


def the_life(make: Callable[[], Life]) -> Life:
    """Return the one life of this process, making it where there is none.

    The package stays loaded over a Reload UI, and so does this.
    """
    global _life
    with _lock:
        if _life is None:
            _life = make()
        return _life

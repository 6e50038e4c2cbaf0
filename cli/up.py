"""``quartermaster up``: a hub and an agent over one folder of models, in one process, for a first look or for good."""

import argparse
import errno
import json
import platform
import threading
from dataclasses import dataclass
from pathlib import Path

from ..extension.agent import Agent
from ..extension.inventory.roots import RootError
from ..extension.inventory.sample import make_sample_library
from ..extension.lock import is_held
from ..extension.paths import hub_folder, make_private, write_private
from ..extension.status_file import lock_path
from ..hub.errors import HubError as HubFault
from ..hub.errors import PortUnusableError
from ..hub.running import RunningHub
from ..hub.settings import HubSettings
from ..hub_client import (
    DEFAULT_HUB_PORT,
    Availability,
    CredentialsError,
    HubClient,
    HubError,
    UnauthorisedError,
    read_key_file,
)
from .agent import (
    add_agent_arguments,
    already_running,
    open_agent,
    rest_until,
    say_problems,
    settings_of,
    show_until_complete,
    stopping_on_signals,
)
from .availability import line_for
from .connection import add_ca_argument, exit_code, own_key_file
from .folders import home_of
from .hub_login import first_login_link
from .hub_options import (
    add_backup_argument,
    add_tls_arguments,
    port_number,
    warn_of_open,
    with_backup_choice,
    with_tls,
)
from .output import DONE, CommandError, command_line, emit, say, tell
from .progress import size

SHOWN_MODELS = 20
LOOPBACK = "127.0.0.1"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_agent_arguments(parser)
    parser.add_argument("--host", default=LOOPBACK, help="the address that the hub listens on (default: %(default)s)")
    parser.add_argument(
        "--port",
        type=port_number,
        metavar="N",
        help=f"the hub's port (default: {DEFAULT_HUB_PORT}, or a free one; 0: a free one)",
    )
    add_backup_argument(parser)
    add_tls_arguments(parser)
    add_ca_argument(parser)
    parser.add_argument("--json", action="store_true", help="print what there is as lines of JSON, each with an event")


def execute(options: argparse.Namespace) -> int:
    """Run both until Ctrl-C.

    Raises:
        CommandError: one of them cannot start.
    """
    home = home_of(options)
    try:
        settings = with_backup_choice(with_tls(HubSettings.from_environment(hub_folder(home)), options), options)
    except HubFault as error:
        raise CommandError(str(error)) from None
    _look_before_starting(options, home)
    warn_of_open(options.host, settings)
    stop = threading.Event()
    with stopping_on_signals(stop.set):
        try:
            hub = _start_hub(settings, options.host, options.port)
            try:
                return _Session(hub, options, home, stop).run()
            finally:
                hub.stop()
        except HubFault as error:
            raise CommandError(str(error)) from None
        except HubError as error:
            raise CommandError(str(error), exit_code(error)) from None


def _look_before_starting(options: argparse.Namespace, home: Path) -> None:
    """Make what is missing, and find out what would stop the agent, before a hub runs for nothing.

    Raises:
        CommandError: the agent could not run.
    """
    try:
        make_private(home)
        lock = lock_path(home, options.server)
        if is_held(lock):
            raise already_running(options.server, str(lock))
        if options.models is None and not options.root:
            options.models = str(home / "sample-models")
            make_sample_library(Path(options.models))
            say(f"No --models given: using a small sample library in {options.models}")
    except OSError as error:
        raise CommandError(f"the data folder {home} cannot be used: {error.strerror or error}") from None
    try:
        settings_of(options, None, None).find_roots()
    except RootError as error:
        raise CommandError(str(error)) from None


def _start_hub(settings: HubSettings, host: str, port: int | None) -> RunningHub:
    """Start the hub: at the port that was asked for, else at the usual one, else at a free one."""
    hub = RunningHub(settings, host, DEFAULT_HUB_PORT if port is None else port)
    try:
        hub.start()
    except PortUnusableError as error:
        if port is not None or not is_taken(error):
            raise
        say(f"Port {DEFAULT_HUB_PORT} is taken; using a free one.")
        hub = RunningHub(settings, host, 0)
        hub.start()
    return hub


def is_taken(error: PortUnusableError) -> bool:
    """Tell whether a port cannot be used because somebody else listens there (Windows says EACCES to that)."""
    return getattr(error.__cause__, "errno", None) in {errno.EADDRINUSE, errno.EACCES}


@dataclass
class _Session:
    """One run of the command, its hub running already."""

    hub: RunningHub
    options: argparse.Namespace
    home: Path
    stop: threading.Event

    def run(self) -> int:
        server = self.options.server
        key_file = self._key_file(server)
        agent = open_agent(settings_of(self.options, self.hub.address, read_key_file(key_file)))
        self._announce(agent, key_file)
        agent.start()
        try:
            if show_until_complete(agent, self.stop) and self._wait_for_sync(agent):
                self._show_inventory(agent)
                self._show_availability(agent, key_file)
                if self.options.json:
                    emit({"event": "ready"})
                else:
                    tell()
                    tell("Watching for changes. Ctrl-C stops hub and agent.")
            rest_until(self.stop)
        finally:
            agent.stop()
        say("stopped")
        return DONE

    def _key_file(self, server: str) -> Path:
        """Return the file with this agent's key, making key and file where there is none that the hub knows."""
        path = own_key_file(self.home, server)
        try:
            with HubClient(self.hub.address, read_key_file(path), ca_file=self.options.ca) as client:
                client.servers()
            return path
        except (CredentialsError, UnauthorisedError):
            made = self.hub.hub.keys.create(f"quartermaster up on {platform.node()}"[:100], "agent", server)
            try:
                write_private(
                    make_private(path.parent) / path.name, json.dumps({"key": made.key, "secret": made.secret})
                )
            except OSError as error:
                raise CommandError(f"the key cannot be kept in {path}: {error.strerror or error}") from None
            return path

    def _announce(self, agent: Agent, key_file: Path) -> None:
        link = first_login_link(self.hub.hub, self.hub.address)
        if self.options.json:
            told = {"event": "hub", "address": self.hub.address, "data": str(self.home), "key_file": str(key_file)}
            emit({**told, **({"login": link} if link else {})})
            return
        places = self.options.models or ", ".join(self.options.root)
        tell(f"Hub      {self.hub.address}  (API documentation: {self.hub.address}/docs)")
        tell(f"Server   {agent.config.server_id}, with the models of {places}")
        tell(f"Data     {self.home}  (this server's key: {key_file})")
        if link:
            tell(f"Log in   {link}  (once; later: quartermaster hub login)")
        tell()

    def _wait_for_sync(self, agent: Agent) -> bool:
        assert agent.syncer is not None
        said = None
        while not self.stop.wait(0.05):
            state = agent.syncer.state
            if agent.syncer.complete():
                return True
            if state.error is not None and state.error != said:
                said = state.error
                say(f"The hub does not take the inventory yet: {said}")
        return False

    def _show_inventory(self, agent: Agent) -> None:
        records = sorted((r for r in agent.library.records() if r.facts is not None), key=lambda r: r.name)
        if self.options.json:
            for record in records:
                entry = record.entry()
                assert entry is not None
                emit({"event": "model", **entry.to_wire()})
            return
        total = sum(record.found.size for record in records)
        tell(f"Inventory: {len(records)} models, {size(total)}")
        for record in records[:SHOWN_MODELS]:
            assert record.facts is not None
            tell(f"  {record.kind:16} {size(record.found.size):>10}  {record.facts.sha256[:10]}  {record.name}")
        if len(records) > SHOWN_MODELS:
            tell(f"  … and {len(records) - SHOWN_MODELS} more")
        say_problems(agent)

    def _show_availability(self, agent: Agent, key_file: Path) -> None:
        record = min((r for r in agent.library.records() if r.facts is not None), key=lambda r: r.name, default=None)
        if record is None or record.facts is None:
            return
        hash_ = record.facts.sha256[:10]
        with HubClient(self.hub.address, read_key_file(key_file), ca_file=self.options.ca) as client:
            answer: Availability = client.availability(hash_)
        if self.options.json:
            emit({"event": "availability", "hash": hash_, **answer.wire})
            return
        elsewhere = ["--hub", self.hub.address, "--key-file", str(key_file)] if self.options.data else []
        tell()
        tell(f"Who has {hash_}?  GET {self.hub.address}/api/v1/models/{hash_}/availability")
        tell(f"  {line_for(answer)}")
        tell(f"  Ask for yourself: {command_line('availability', hash_, *elsewhere)}")

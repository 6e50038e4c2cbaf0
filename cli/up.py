"""``quartermaster up``: a hub and an agent over one folder of models, in one process, for a first look or for good."""

import argparse
import json
import os
import platform
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..extension.agent import Agent
from ..extension.inventory.sample import make_sample_library
from ..extension.paths import data_home, file_name, make_private
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
from .agent import add_agent_arguments, open_agent, rest_until, settings_of, show_until_complete, stopping_on_signals
from .availability import line_for
from .connection import exit_code
from .output import DONE, CommandError, emit, say, tell
from .progress import size

SHOWN_MODELS = 20
LOOPBACK = "127.0.0.1"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_agent_arguments(parser)
    parser.add_argument("--host", default=LOOPBACK, help="the address that the hub listens on (default: %(default)s)")
    parser.add_argument(
        "--port",
        type=int,
        metavar="N",
        help=f"the hub's port (default: {DEFAULT_HUB_PORT}, or a free one; 0: a free one)",
    )
    parser.add_argument("--json", action="store_true", help="print what there is as lines of JSON, each with an event")


def execute(options: argparse.Namespace) -> int:
    """Run both until Ctrl-C.

    Raises:
        CommandError: one of them cannot start.
    """
    home = (options.data or data_home()).expanduser().absolute()
    try:
        make_private(home)
        if options.models is None and not options.root:
            options.models = str(home / "sample-models")
            make_sample_library(Path(options.models))
            say(f"No --models given: using a small sample library in {options.models}")
    except OSError as error:
        raise CommandError(f"the data folder {home} cannot be used: {error.strerror or error}") from None
    stop = threading.Event()
    with stopping_on_signals(stop.set):
        try:
            hub = _start_hub(HubSettings.from_environment(home / "hub"), options.host, options.port)
        except HubFault as error:
            raise CommandError(str(error)) from None
        try:
            return _Session(hub, options, home, stop).run()
        except HubFault as error:
            raise CommandError(str(error)) from None
        except HubError as error:
            raise CommandError(str(error), exit_code(error)) from None
        finally:
            hub.stop()
            say("stopped")


def _start_hub(settings: HubSettings, host: str, port: int | None) -> RunningHub:
    """Start the hub: at the port that was asked for, else at the usual one, else at a free one."""
    hub = RunningHub(settings, host, DEFAULT_HUB_PORT if port is None else port)
    try:
        hub.start()
    except PortUnusableError:
        if port is not None:
            raise
        say(f"Port {DEFAULT_HUB_PORT} is taken; using a free one.")
        hub = RunningHub(settings, host, 0)
        hub.start()
    return hub


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
                    tell("\nWatching for changes. Ctrl-C stops hub and agent.")
            rest_until(self.stop)
        finally:
            agent.stop()
        return DONE

    def _key_file(self, server: str) -> Path:
        """Return the file with this agent's key, making key and file where there is none that the hub knows."""
        path = self.home / "keys" / f"{file_name(server)}.json"
        try:
            with HubClient(self.hub.address, read_key_file(path)) as client:
                client.servers()
            return path
        except (CredentialsError, UnauthorisedError):
            made = self.hub.hub.keys.create(f"quartermaster up on {platform.node()}"[:100], "agent", server)
            try:
                write_secret(path, {"key": made.key, "secret": made.secret})
            except OSError as error:
                raise CommandError(f"the key cannot be kept in {path}: {error.strerror or error}") from None
            return path

    def _announce(self, agent: Agent, key_file: Path) -> None:
        if self.options.json:
            emit({"event": "hub", "address": self.hub.address, "data": str(self.home), "key_file": str(key_file)})
            return
        places = self.options.models or ", ".join(self.options.root)
        tell(f"Hub      {self.hub.address}  (API documentation: {self.hub.address}/docs)")
        tell(f"Server   {agent.config.server_id}, with the models of {places}")
        tell(f"Data     {self.home}  (this server's key: {key_file})\n")

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
        for problem in agent.library.problems():
            say(f"not published: {problem.path}: {problem.what}")

    def _show_availability(self, agent: Agent, key_file: Path) -> None:
        record = min((r for r in agent.library.records() if r.facts is not None), key=lambda r: r.name, default=None)
        if record is None or record.facts is None:
            return
        hash_ = record.facts.sha256[:10]
        with HubClient(self.hub.address, read_key_file(key_file)) as client:
            answer: Availability = client.availability(hash_)
        if self.options.json:
            emit({"event": "availability", "hash": hash_, **answer.wire})
            return
        tell(f"\nWho has {hash_}?  GET {self.hub.address}/api/v1/models/{hash_}/availability")
        tell(f"  {line_for(answer)}")
        tell(f"  Ask yourself: quartermaster availability {hash_} --hub {self.hub.address} --key-file '{key_file}'")


def write_secret(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file that only this user may read, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file)
    os.replace(part, path)

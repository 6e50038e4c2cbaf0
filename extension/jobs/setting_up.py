"""Puts an agent's runner together."""

import threading
from typing import TYPE_CHECKING

from ...hub_client import NO_RETRY, HubClient
from ..inventory.library import Library
from ..paths import file_name
from .delivery import Delivery
from .engine import Engine
from .runner import Runner
from .shelf import Shelf
from .worker import Worker

if TYPE_CHECKING:  # the agent's settings name the runner's
    from ..config import AgentConfig
    from ..looker import Looker
    from ..sync import Syncer

FOLDER = "jobs"
"""Below the agent's data folder: results that the hub does not have yet."""


def make_runner(config: "AgentConfig", library: Library, looker: "Looker", syncer: "Syncer") -> Runner:
    """Return the runner of an agent that has a hub and runs jobs; it has a client and a stop event of its own.

    Raises:
        HubError: the hub's address or key cannot be used.
        EngineError: the engine cannot be made.
    """
    jobs, hub = config.jobs, config.hub
    assert jobs is not None and hub is not None
    stop = threading.Event()
    client = HubClient(hub, config.credentials, retry=NO_RETRY, stop=stop, ca_file=config.ca_file)

    def worker(client: HubClient, engine: Engine, shelf: Shelf, delivery: Delivery, stop: threading.Event) -> Worker:
        return Worker(
            client,
            engine,
            library,
            looker.rescan,
            shelf,
            delivery,
            stop,
            beat_seconds=jobs.beat_seconds,
            busy_seconds=jobs.busy_seconds,
        )

    def ready() -> bool:
        return looker.scanned.is_set() and syncer.state.last_sync is not None

    shelf = Shelf(config.home / FOLDER / file_name(config.server_id))
    return Runner(jobs, config.server_id, syncer.sender.agent_id, client, shelf, worker, stop, ready=ready)

"""What the hub knows, for the page: asked on demand, kept for a minute, and never waited for twice.

A view that shows servers on 20,000 cards cannot ask for each. So the list of models is read page by page in a thread of
its own, and views use what was read last; what a person asks for one model is asked at once, with short patience.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...hub_client import NO_RETRY, Availability, HubClient, HubError, Timeouts
from .pairing import Pairing
from .question import RouteError

log = logging.getLogger(__name__)

KEPT_SECONDS = 60.0
PATIENCE = Timeouts(connect_seconds=2.0, read_seconds=6.0, total_seconds=8.0)
PAGE_MODELS = 1000
MOST_MODELS = 200_000


@dataclass(frozen=True)
class FleetModel:
    """A model as the hub lists it, with the servers that have it (id -> where it is there)."""

    wire: Mapping[str, Any]
    servers: Mapping[str, str]

    @property
    def sha256(self) -> str | None:
        """Its SHA-256, or None where only an AutoV2 is known."""
        value = self.wire.get("sha256")
        return value if isinstance(value, str) else None


@dataclass(frozen=True)
class Fleet:
    """All that the hub listed at one moment (``at``: monotonic seconds; minus infinity where it was never asked)."""

    at: float = float("-inf")
    models: tuple[FleetModel, ...] = ()
    error: str | None = None
    by_sha256: Mapping[str, FleetModel] = field(default_factory=dict)

    def servers_of(self, sha256: str | None, but: str) -> list[str]:
        """Return the servers that have a model, without the one named ``but``."""
        model = self.by_sha256.get(sha256 or "")
        return [server for server in model.servers if server != but] if model is not None else []


class HubLink:
    """Asks the hub that this web UI is paired with."""

    def __init__(self, pairing: Callable[[], Pairing | None]) -> None:
        self._pairing = pairing
        self._lock = threading.Lock()
        self._client: tuple[Pairing, HubClient] | None = None
        self._fleet = Fleet()
        self._reading: threading.Thread | None = None

    def client(self) -> HubClient:
        """Return a client for the hub.

        Raises:
            RouteError: this web UI is not paired with one.
        """
        pairing = self._pairing()
        if pairing is None or pairing.address is None:
            raise RouteError(409, "not_paired", "this web UI is not paired with a hub; see the page Hub")
        with self._lock:
            if self._client is None or self._client[0] != pairing:
                client = HubClient(pairing.address, pairing.credentials, timeouts=PATIENCE, retry=NO_RETRY)
                self._client = (pairing, client)
                self._fleet = Fleet()
            return self._client[1]

    @property
    def paired(self) -> bool:
        """Whether there is a hub to ask."""
        pairing = self._pairing()
        return pairing is not None and pairing.address is not None

    @property
    def own_id(self) -> str:
        """What this server is called on the hub."""
        pairing = self._pairing()
        return pairing.server_id if pairing is not None else ""

    def elsewhere(self, sha256: str) -> dict[str, Any] | None:
        """Return who else has a model, or None where there is no hub.

        Raises:
            HubError: the hub could not be asked.
        """
        if not self.paired:
            return None
        return shown(self.client().availability(sha256), self.own_id)

    def fleet(self, *, wait: bool = False) -> Fleet:
        """Return what the hub listed last, and see to it that it is read anew where that is long ago.

        Args:
            wait: wait for the first list; otherwise an empty one is returned until it is there.
        """
        if not self.paired:
            return Fleet()
        self.client()
        with self._lock:
            fleet, reading = self._fleet, self._reading
            if (reading is None or not reading.is_alive()) and time.monotonic() - fleet.at > KEPT_SECONDS:
                reading = self._reading = threading.Thread(target=self._read, name="qm-fleet", daemon=True)
                reading.start()
        if wait and fleet.at < 0 and reading is not None:
            reading.join(PATIENCE.total_seconds)
            fleet = self._fleet
        return fleet

    def forget(self) -> None:
        """Read the list anew at the next question."""
        with self._lock:
            self._fleet = Fleet(models=self._fleet.models, by_sha256=self._fleet.by_sha256)

    def _read(self) -> None:
        before = self._fleet
        try:
            client, models = self.client(), []
            for wire in client.models({"limit": str(PAGE_MODELS)}):
                models.append(_model(wire))
                if len(models) >= MOST_MODELS:
                    log.warning("The hub lists more than %d models; the page shows these.", MOST_MODELS)
                    break
            by_sha256 = {model.sha256: model for model in models if model.sha256}
            self._fleet = Fleet(time.monotonic(), tuple(models), None, by_sha256)
        except (HubError, RouteError) as error:
            self._fleet = Fleet(time.monotonic(), before.models, str(error), before.by_sha256)


def _model(wire: Mapping[str, Any]) -> FleetModel:
    servers = wire.get("servers")
    listed = servers if isinstance(servers, list) else []
    found = {str(s["server_id"]): str(s.get("path", "")) for s in listed if isinstance(s, dict) and "server_id" in s}
    return FleetModel(wire, found)


def shown(found: Availability, own_id: str) -> dict[str, Any]:
    """Return an availability for the page: the other servers only."""
    return {
        "status": found.status,
        "servers": [
            {"server_id": s.server_id, "state": s.state, "path": s.path, "last_seen": s.last_seen}
            for s in found.servers
            if s.server_id != own_id
        ],
    }

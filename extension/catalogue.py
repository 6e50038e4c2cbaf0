"""The catalogue of base models that this machine goes by: the newest of what is shipped and what its hub served.

A hub may serve a newer catalogue than an agent ships. The last good one is kept, so that neither a hub that is away nor
one that sends rubbish takes it back.
"""

import json
import logging
from pathlib import Path

from ..ecosystems.catalogue import Catalogue
from ..ecosystems.errors import CatalogueError
from ..ecosystems.load import digest, load_default
from ..ecosystems.store import CatalogueStore
from ..hub_client import HubClient

log = logging.getLogger(__name__)


def best_catalogue(home: Path) -> Catalogue:
    """Return the catalogue to go by, with the agents' data folder as ``home``.

    Raises:
        CatalogueError: the shipped one is damaged.
    """
    return CatalogueStore(home).best(load_default())


class CatalogueKeeper:
    """Fetches the hub's catalogue when it is another than the one kept."""

    def __init__(self, home: Path) -> None:
        self._store = CatalogueStore(home)
        self._seen: str | None = None

    def keep_up(self, client: HubClient, served: str) -> None:
        """Take the hub's catalogue, whose digest is ``served``, unless it is the one that is here.

        One that has faults is named in the log, once, and not asked for again until the hub serves another.

        Raises:
            HubError: the hub could not be asked.
        """
        if served == self._seen:
            return
        kept = self._store.kept() or load_default()
        if digest(kept) != served:
            answer = client.call("GET", "/api/v1/ecosystems", repeatable=True)
            content = answer.get("catalogue") if isinstance(answer, dict) else None
            try:
                taken = self._store.keep(json.dumps(content).encode())
                log.info("The hub serves the catalogue %s, which is kept.", taken.version)
            except CatalogueError as error:
                log.warning("The hub's catalogue is not used: %s", error)
        self._seen = served

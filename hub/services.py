"""The services of one hub: what the routes, the console and the tests have in common."""

import time
from dataclasses import replace
from typing import Any

from sqlalchemy import update

from .ages import Ages
from .aliases import Aliases
from .attempts import Attempts
from .availability import Availability
from .background import Job
from .catalogues import Catalogues
from .clock import Clock, hub_clock
from .database import Database
from .enrichment.enrichment import Enrichment
from .finding import Finding
from .fleet import Fleet
from .keys import Keys
from .migrating import migrate
from .news import News
from .overrides import Overrides
from .pairing import Pairing
from .reading import BodyReader
from .registrations import Registrations
from .registry import Registry
from .schema import servers
from .server_registry import ServerRegistry
from .settings import HubSettings
from .sync import Inventories

ENRICHMENT_SECONDS = 15.0
PUBLIC_BODY_BYTES = 4096
"""What a caller without a key may send."""


class Hub:
    """The services of one hub over one database; every route finds them at ``request.app.state.hub``."""

    def __init__(self, settings: HubSettings, clock: Clock | None = None) -> None:
        """Open and migrate the database.

        Raises:
            DatabaseUnusableError: it cannot be used; the message says why.
        """
        self.settings = settings
        self.clock = clock or hub_clock()
        ages = Ages(settings.stale_after_seconds, settings.offline_after_seconds)
        limits = settings.limits
        self.database = Database(settings, self.clock)
        try:
            self.migration = migrate(self.database)
            self._forget_the_future()
        except BaseException:
            self.database.close()
            raise
        self.keys = Keys(self.database, self.clock)
        self.availability = Availability(self.database, self.clock, ages, limits.batch_hashes)
        self.inventories = Inventories(self.database, self.clock, ages, limits, settings.request_repeat_seconds)
        self.registry = Registry(self.database, self.clock, ages, self.availability)
        self.servers = ServerRegistry(self.database, self.clock, ages, limits)
        self.fleet = Fleet(self.database, self.clock, ages)
        self.catalogues = Catalogues(settings.data_dir)
        self.overrides = Overrides(self.database, self.clock, limits, self.registry, self.catalogues)
        self.registrations = Registrations(self.database, self.clock, limits, self.registry, self.catalogues)
        self.news = News(self.database, limits)
        self.aliases = Aliases(self.database, self.clock, limits, self.registry)
        self.finding = Finding(self.database, limits, self.availability)
        self.bodies = BodyReader(limits, settings.large_body_slots)
        tiny = replace(limits, body_bytes=PUBLIC_BODY_BYTES, unpacked_bytes=PUBLIC_BODY_BYTES)
        self.small_bodies = BodyReader(tiny, settings.large_body_slots)
        self.pairing = Pairing(self.database, clock or time.time, self.keys, Attempts(self.clock))
        self.enrichment = self._made_enrichment()
        self.enriching = Job("enrichment", ENRICHMENT_SECONDS, self.enrichment.work, self.enrichment.stop)
        self.jobs: list[Job] = [self.enriching]
        """What runs beside the answering, see ``background``."""

    def _made_enrichment(self) -> Enrichment:
        try:
            return Enrichment(self.database, self.clock, self.settings, self.catalogues)
        except BaseException:
            self.database.close()
            raise

    def _forget_the_future(self) -> None:
        """Let servers that were seen "later than now" age from now on: the machine's clock was set back since."""
        now = self.clock()
        late = update(servers).where(servers.c.last_seen > now).values(last_seen=now)
        self.database.write(lambda connection: connection.execute(late))

    def close(self) -> None:
        """Close the database."""
        self.enrichment.close()
        self.database.close()


def hub_of(app: Any) -> Hub:
    """Return the hub behind an application of ``create_app``."""
    hub = app.state.hub
    assert isinstance(hub, Hub)
    return hub

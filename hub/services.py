"""The services of one hub: what the routes, the console and the tests have in common."""

import threading
import time
from dataclasses import replace
from typing import Any

from sqlalchemy import select, update

from .ages import Ages
from .aliases import Aliases
from .attempts import Attempts
from .availability import Availability
from .background import Job
from .catalogues import Catalogues
from .clock import Clock, hub_clock
from .database import Database
from .enrichment.enrichment import Enrichment
from .events.broadcaster import Broadcaster
from .events.log import EventLog
from .finding import Finding
from .fitting import Fitting
from .fleet import Fleet
from .growth import Growth
from .history import History
from .jobs.asking import Submissions
from .jobs.changes import Changes
from .jobs.changing import Changing
from .jobs.checking import Checker
from .jobs.claims import Claims
from .jobs.counts import JobCounts
from .jobs.glimpses import Glimpses
from .jobs.images import JobImages
from .jobs.keeping import EVERY_SECONDS as KEEPING_SECONDS
from .jobs.keeping import Bounds, Keeping
from .jobs.leases import Leases
from .jobs.listing import JobList
from .jobs.needs import Needs
from .jobs.previews import Previews
from .jobs.queue import Queue
from .jobs.recovery import forget_the_future
from .jobs.resolving import Resolver
from .jobs.waiting import Waiting
from .jobs.waking import Waking
from .keys import Keys
from .metrics import Metrics
from .migrating import migrate
from .news import News
from .overrides import Overrides
from .pairing import Pairing
from .reading import BodyReader
from .registrations import Registrations
from .registry import Registry
from .retention import Retention
from .schema import hub_identity, servers
from .search import Coverage, Indexing, Searches, Statistics
from .server_registry import ServerRegistry
from .server_states import LOOK_EVERY_SECONDS, ServerStates
from .settings import HubSettings
from .stablequeue.importing import StableQueueImport
from .stablequeue.resources import Resources
from .statements import Statements
from .storage.backups import before_migrating
from .storage.making import BackupMaker
from .sync import Inventories
from .trust.audit import AuditLog
from .trust.entrance import Entrance
from .trust.last_seen import WRITE_EVERY_SECONDS
from .trust.login import Login
from .trust.login_codes import LoginCodes
from .trust.rates import Rate
from .trust.sessions import Sessions
from .upkeep import Upkeep

ENRICHMENT_SECONDS = 15.0
LEASES_SECONDS = 2.0
"""How often is looked for leases that ran out, and for changes that another process noted."""
PUBLIC_BODY_BYTES = 4096
"""What a caller without a key may send."""
AUDIT_EVERY_SECONDS = 3600.0
FORM_BYTES = 65_536
"""What a form of the web page may hold."""
JOB_FORM_BYTES = 1 << 20
"""What the form for a job may hold: prompts are long, and a form writes a character as up to nine."""


class Hub:
    """The services of one hub over one database; every route finds them at ``request.app.state.hub``."""

    def __init__(self, settings: HubSettings, clock: Clock | None = None) -> None:
        """Open the database and migrate it, after a backup.

        Raises:
            DatabaseUnusableError: it cannot be used; the message says why.
            BackupError: it has to be migrated, and there can be no backup.
        """
        self.settings = settings
        self.clock = clock or hub_clock()
        self.ages = ages = Ages(settings.stale_after_seconds, settings.offline_after_seconds)
        limits = settings.limits
        self.database = Database(settings, self.clock)
        try:
            self.migration = migrate(self.database, before_migrating(settings))
            if clock is None:
                self.clock = hub_clock(self.database.wall_seconds)
                self.database.follow(self.clock)
            self._forget_the_future()
        except BaseException:
            self.database.close()
            raise
        wall_clock = clock or time.time
        self.keys = Keys(self.database, wall_clock)
        self.availability = Availability(self.database, self.clock, ages, limits.batch_hashes)
        self.indexing = Indexing(
            self.database,
            lambda connection, ids: self.aliases.learn(connection, ids),
            lambda: self.waking.job.call(),
        )
        self.statistics = Statistics(self.database, self.clock, ages)
        self.search = Searches(self.database, self.clock, ages, self.availability, self.indexing, self.statistics)
        self.coverage = Coverage(self.database, self.clock, ages, self.availability, self.statistics)
        self._make_queue()
        self.inventories = Inventories(
            self.database, self.clock, ages, limits, settings.request_repeat_seconds, self._inventory_changed
        )
        self.registry = Registry(self.database, self.clock, self.availability)
        self.servers = ServerRegistry(self.database, self.clock, ages, limits)
        self.fleet = Fleet(self.database, self.clock, ages, self.statistics)
        self.catalogues = Catalogues(settings.data_dir)
        self.overrides = Overrides(self.database, self.clock, limits, self.registry, self.catalogues)
        self.fitting = Fitting(self.database, self.registry, self.availability, self.catalogues)
        self.registrations = Registrations(self.database, self.clock, limits, self.registry, self.catalogues)
        self.news = News(self.database, limits)
        self.aliases = Aliases(self.database, self.clock, limits, self.registry, lambda: self.waking.job.call())
        self.statements = Statements(self.database, self.clock, ages, limits, self.registry, self.availability)
        self.resources = Resources(self.database, self.availability)
        self.stablequeue = StableQueueImport(
            self.database, self.clock, limits, self.catalogues, self.aliases, self.statements
        )
        self.finding = Finding(self.database, limits, self.availability)
        resolver, checker = Resolver(self.finding), Checker(self.availability, self.catalogues)
        self.asking = Submissions(
            self.database, self.clock, ages, resolver, checker, self.queue, self.changing, self.indexing
        )
        self.waking = Waking(self.database, resolver, self.queue, self.indexing)
        self.job_list = JobList(self.database, self.clock, ages, checker)
        self.bodies = BodyReader(limits, settings.large_body_slots)
        tiny = replace(limits, body_bytes=PUBLIC_BODY_BYTES, unpacked_bytes=PUBLIC_BODY_BYTES)
        self.small_bodies = BodyReader(tiny, settings.large_body_slots)
        self.forms = BodyReader(replace(limits, body_bytes=FORM_BYTES, unpacked_bytes=FORM_BYTES), 1)
        self.job_forms = BodyReader(replace(limits, body_bytes=JOB_FORM_BYTES, unpacked_bytes=JOB_FORM_BYTES), 4)
        self.pairing = Pairing(self.database, wall_clock, self.keys, Attempts(self.clock))
        self.login_codes = LoginCodes(self.database, wall_clock)
        self.sessions = Sessions(
            self.database, wall_clock, settings.session_idle_days, settings.session_days, self.keys.last_seen
        )
        self.login = Login(self.database, self.keys, self.login_codes, self.sessions, Attempts(self.clock))
        requests = Rate(self.clock, "requests with this key", settings.requests_per_minute)
        failures = Rate(self.clock, "requests with wrong keys from this address", settings.failed_keys_per_minute)
        self.entrance = Entrance(self.keys, self.sessions, self._hub_id(), requests, failures)
        self.audit = AuditLog(self.database, settings.audit_keep_days)
        self.history = History(self.database, self.clock, self.registry)
        self.events = EventLog(self.database)
        self.broadcaster = Broadcaster(
            self.database, self.events, self.keys, settings.event_streams, limits.streams_per_key
        )
        self.broadcaster.when_heard += [self.waiting.heard, self.waking.heard]
        self.server_states = ServerStates(self.database, self.clock, ages)
        self.growth = Growth(self.database, self.clock)
        self.retention = Retention(self.database, self.clock, settings.events_keep_days, settings.history_keep_days)
        self.job_images = JobImages(self.database, self.clock)
        self.job_previews = Previews(self.database)
        bounds = Bounds(settings.jobs_keep_days, settings.job_images_keep_days, settings.job_images_keep_mib)
        self.keeping = Keeping(self.database, self.clock, bounds)
        self.enrichment = self._made_enrichment()
        self.enriching = Job("enrichment", ENRICHMENT_SECONDS, self.enrichment.work, self.enrichment.stop)
        self.upkeep = Upkeep(self.database)
        self.backups = BackupMaker(settings, self.migration)
        self.job_counts = JobCounts(self.database, self.clock)
        self.glimpses = Glimpses(self.database)
        self.jobs: list[Job] = [
            *self.broadcaster.jobs,
            Job("server states", LOOK_EVERY_SECONDS, self.server_states.look),
            Job("growth", 600.0, self.growth.sample),
            self.enriching,
            self.indexing.job,
            self.statistics.job,
            self.upkeep.job,
            self.waiting.job,
            self.waking.job,
            self.digesting,
            Job("leases", LEASES_SECONDS, self.leases.expire),
            Job("needs", 60.0, self.needs.prune),
            Job("retention", 600.0, self.retention.prune),
            Job("keeping of jobs", KEEPING_SECONDS, self.keeping.step),
            Job("last seen", WRITE_EVERY_SECONDS, self.keys.last_seen.write),
            Job("audit", AUDIT_EVERY_SECONDS, self.audit.prune),
        ]
        """What runs beside the answering, see ``background``."""
        self.metrics = Metrics(self.database, self.clock, ages, self.jobs)
        self.stopping = threading.Event()
        """Set when the hub was asked to stop."""

    def _make_queue(self) -> None:
        lease_seconds = self.settings.job_lease_seconds
        self.needs = Needs(self.database, self.clock)
        self.queue = Queue(self.database, self.clock, self.needs)
        self.claims = Claims(self.database, self.clock, self.ages, self.needs, self.queue, lease_seconds)
        self.leases = Leases(self.database, self.clock, self.queue, lease_seconds)
        self.changing = Changing(self.database, self.clock, self.needs, self.queue)
        self.waiting = Waiting(self.database, self.clock, self.claims)
        self.changes = Changes(self.database, self.clock, self.needs)
        self.digesting = Job("job changes", LEASES_SECONDS, self.changes.digest)

    def _inventory_changed(self) -> None:
        self.indexing.job.call()
        self.digesting.call()

    def _made_enrichment(self) -> Enrichment:
        try:
            return Enrichment(self.database, self.clock, self.settings, self.catalogues)
        except BaseException:
            self.database.close()
            raise

    def _hub_id(self) -> str:
        with self.database.read() as connection:
            return str(connection.scalar(select(hub_identity.c.hub_id)))

    def _forget_the_future(self) -> None:
        """Let servers that were seen "later than now" age from now on: the machine's clock was set back since."""
        now = self.clock()
        late = update(servers).where(servers.c.last_seen > now).values(last_seen=now)
        self.database.write(lambda connection: connection.execute(late))
        self.database.write(lambda connection: forget_the_future(connection, now, self.settings.job_lease_seconds))

    def close(self) -> None:
        """Close the database."""
        self.enrichment.close()
        self.backups.wait()
        self.database.close()


def hub_of(app: Any) -> Hub:
    """Return the hub behind an application of ``create_app``."""
    hub = app.state.hub
    assert isinstance(hub, Hub)
    return hub

"""What a hub counts and measures, as Prometheus reads it; each hub has a registry of its own.

What the database knows is asked when somebody reads, at most every ``KEPT_SECONDS``: counting a million rows is work.
"""

import threading
import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from .._version import VERSION
from .ages import STATES, Ages
from .background import Job
from .clock import Clock
from .database import Database
from .errors import OverloadedError
from .schema import models, servers

KEPT_SECONDS = 30.0
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
NO_ROUTE = "(none)"
"""The route of a request that none answers: whatever path it asks for makes no new series."""


class Metrics:
    """The counters of one hub."""

    def __init__(self, database: Database, clock: Clock, ages: Ages, jobs: list[Job]) -> None:
        self._registry = CollectorRegistry()
        registry = self._registry
        self.in_flight = Gauge("quartermaster_http_requests_in_flight", "requests being answered", registry=registry)
        self._requests = Counter(
            "quartermaster_http_requests", "requests answered", ["method", "route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "quartermaster_http_request_seconds",
            "from a request's head to the end of its answer",
            ["method", "route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._synced = Counter(
            "quartermaster_sync_entries", "entries of inventories that a sync changed", ["change"], registry=registry
        )
        Gauge("quartermaster_info", "this hub's version", ["version"], registry=registry).labels(VERSION).set(1)
        registry.register(_Work(jobs, database))
        registry.register(_Inventory(database, clock, ages))
        ProcessCollector(registry=registry)  # CPU, memory, files; where /proc has them

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; ``route`` is its template, or ``NO_ROUTE``."""
        method = method if method in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def synced(self, changed: dict[str, int]) -> None:
        """Count what a sync changed: ``{"added": 1, "updated": 0, "removed": 0}``."""
        for change, count in changed.items():
            self._synced.labels(change).inc(count)

    def exposed(self) -> bytes:
        """Return all of it in Prometheus's text format."""
        return generate_latest(self._registry)


class _Work(Collector):
    """What is counted elsewhere: background jobs, and trouble with the database."""

    def __init__(self, jobs: list[Job], database: Database) -> None:
        self._jobs = jobs
        self._database = database

    def collect(self) -> Iterable[Metric]:
        runs = CounterMetricFamily("quartermaster_job_runs", "runs of a background job", labels=["job"])
        failures = CounterMetricFamily("quartermaster_job_failures", "runs that failed", labels=["job"])
        alive = GaugeMetricFamily("quartermaster_job_alive", "1 while the job is there to run", labels=["job"])
        for job in self._jobs:
            runs.add_metric([job.name], job.runs)
            failures.add_metric([job.name], job.failures)
            alive.add_metric([job.name], job.is_alive)
        yield from (runs, failures, alive)
        trouble = "times that the database could not be used"
        yield CounterMetricFamily("quartermaster_database_errors", trouble, value=self._database.troubles)


class _Inventory(Collector):
    """What the database holds."""

    def __init__(self, database: Database, clock: Clock, ages: Ages) -> None:
        self._database = database
        self._clock = clock
        self._ages = ages
        self._lock = threading.Lock()
        self._kept: list[Metric] = []
        self._kept_until = 0.0

    def describe(self) -> Iterable[Metric]:
        """Name no metrics: registering would read the database otherwise."""
        return []

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            if time.monotonic() >= self._kept_until:
                try:
                    self._kept = self._read()
                except OverloadedError:
                    return []  # it is counted among the database's errors
                self._kept_until = time.monotonic() + KEPT_SECONDS
            return self._kept

    def _read(self) -> list[Metric]:
        with self._database.read() as connection:
            seen = connection.execute(select(servers.c.last_seen, servers.c.entry_count)).all()
            known = connection.scalar(select(func.count()).select_from(models)) or 0
        now = self._clock()
        by_state = dict.fromkeys(STATES, 0)
        for server in seen:
            by_state[self._ages.state(server.last_seen, now)] += 1
        states = GaugeMetricFamily("quartermaster_servers", "servers by state", labels=["state"])
        for state, count in by_state.items():
            states.add_metric([state], count)
        return [
            states,
            GaugeMetricFamily("quartermaster_models", "models that are known", value=known),
            GaugeMetricFamily(
                "quartermaster_placements", "model files on servers", value=sum(server.entry_count for server in seen)
            ),
        ]

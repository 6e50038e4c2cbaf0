"""The hub does what its own ``/openapi.json`` says, whatever is sent: no 5xx, no answer that is not described.

``schemathesis`` makes requests from the description, right ones and wrong ones, and holds the answers against it.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, settings
from quartermaster.hub.limits import Limits
from quartermaster.hub.routes import ALL_ROUTERS
from quartermaster.hub.routes.described import ANSWERS, describe
from quartermaster.hub.running import RunningHub
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.samples import digest_of, entry, sha
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

EXAMPLES = 30


KNOWN = {"hash": sha("1"), "server_id": "attic"}
"""Path parameters that name something: what is made up nearly always meets a 404."""


def described() -> Mapping[str, Any]:
    app = FastAPI(title="The hub's routes")
    for router in ALL_ROUTERS:
        app.include_router(router)
    description = describe(app)
    for operations in description["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] in KNOWN:
                    parameter["example"] = KNOWN[parameter["name"]]
    return description


@schemathesis.serializer("image/avif")
def as_it_is(_context: object, value: object) -> bytes:
    """Return the body of a kind of image that schemathesis does not know."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


REFUSALS = [400, 401, 403, 404, 405, 406, 409, 411, 413, 415, 422, 426, 428, 429]

schema = schemathesis.openapi.from_dict(
    dict(described()),
    config=SchemathesisConfig.from_dict(
        {
            "generation": {"mode": "all", "max-examples": EXAMPLES},
            "checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}},
        }
    ),
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def session(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, requests.Session]]:
    """A hub that knows a few models, and an admin's session with it."""
    url = None
    if request.param == "postgresql":
        new_database: Callable[[], str] = request.getfixturevalue("postgres")
        url = new_database()
    folder: Path = tmp_path_factory.mktemp("hub")
    hub_settings = HubSettings(
        folder,
        database_url=url,
        limits=Limits(event_wait_seconds=0.05),
        civitai_url="http://127.0.0.1:9",  # the made-up may switch it on
    )
    with RunningHub(hub_settings) as running, requests.Session() as session:
        key = running.hub.keys.create("the contract's", "admin")
        session.headers.update({"X-API-Key": key.key, "X-API-Secret": key.secret})
        models = [entry(f"{number}", tensor_sha256=sha(f"tensors {number // 2}")) for number in range(10)]
        body = {"models": models, "digest": digest_of(models)}
        assert session.post(f"{running.address}/api/v1/servers/attic/models/sync", json=body).status_code == 200
        yield running.address, session


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_described(case: schemathesis.Case, session: tuple[str, requests.Session]) -> None:
    address, caller = session
    # A made-up hash is rarely a known one, and every key here is right: what those two checks say is known before.
    case.call_and_validate(
        base_url=address, session=caller, timeout=60, excluded_checks=[ignored_auth, positive_data_acceptance]
    )


def test_every_route_says_what_it_answers() -> None:
    routes = {f"{method.upper()} {path}" for path, operations in described()["paths"].items() for method in operations}
    assert routes == ANSWERS.keys()

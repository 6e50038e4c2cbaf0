import base64
from dataclasses import replace

import pytest
from quartermaster.hub.errors import FieldError, NotFoundError
from quartermaster.hub.schema import api_keys
from quartermaster.tests.hub.samples import Api, entry, sha
from sqlalchemy import select

BODY = {"models": [entry("one")]}
SERVERS = "/api/v1/servers"


def bearer(text: str, encode=base64.b64encode) -> dict[str, str]:
    return {"Authorization": "Bearer " + encode(text.encode()).decode()}


def test_both_header_styles_are_taken(api: Api) -> None:
    pair = f"{api.headers['X-API-Key']}:{api.headers['X-API-Secret']}"
    for headers in (api.headers, bearer(pair), bearer(pair, base64.urlsafe_b64encode)):
        assert replace(api, headers=headers).get(SERVERS).status_code == 200
    lower = {"authorization": bearer(pair)["Authorization"].replace("Bearer", "bearer").rstrip("=")}
    assert replace(api, headers=lower).get(SERVERS).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": "qm_0"},
        {"X-API-Secret": "x"},
        {"X-API-Key": "qm_0", "X-API-Secret": "x"},
        {"X-API-Key": "\x7f'; --", "X-API-Secret": "x"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer !!!"},
        {"Authorization": "Basic YTpi"},
        bearer("nocolon"),
        bearer("a:"),
        bearer("a\x00b:c"),
        {"Authorization": "Bearer " + base64.b64encode(b"\xff\xfe:a").decode()},
    ],
)
def test_without_a_valid_key_nothing_is_answered(api: Api, headers: dict[str, str]) -> None:
    nobody = replace(api, headers=headers)
    for answer in (
        nobody.sync(BODY),
        nobody.get(SERVERS),
        nobody.get("/api/v1/models"),
        nobody.get(f"/api/v1/models/{sha(1)}/availability"),
        nobody.post("/api/v1/models/availability", {"hashes": []}),
        nobody.post("/api/v1/models/register", {}),
        nobody.post(SERVERS, {}),
        nobody.delete(f"{SERVERS}/attic"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
    assert api.get(SERVERS).json() == []


def test_a_wrong_secret_and_an_unknown_key_are_answered_alike(api: Api) -> None:
    wrong = replace(api, headers={**api.headers, "X-API-Secret": "x"}).get(SERVERS).json()
    unknown = replace(api, headers={**api.headers, "X-API-Key": "qm_unknown"}).get(SERVERS).json()
    assert wrong == unknown


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_public_routes_need_no_key(api: Api, path: str) -> None:
    assert replace(api, headers={}).get(path).status_code == 200


def test_a_key_may_not_write_another_servers_inventory(api: Api) -> None:
    agent = api.with_key("agent", "attic")
    assert agent.sync(BODY, "attic").status_code == 200
    answer = agent.sync(BODY, "cellar")
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert agent.post(f"{SERVERS}/cellar/requests", {"request": "full"}).status_code == 403
    assert [server["server_id"] for server in api.get(SERVERS).json()] == ["attic"]


def test_an_agent_may_do_all_that_a_client_may_and_register(api: Api) -> None:
    agent = api.with_key("agent", "attic")
    agent.synced(BODY)
    assert agent.availability(sha("one"))["status"] == "available"
    assert agent.get("/api/v1/models").json()["count"] == 1
    assert agent.post("/api/v1/models/register", {"sha256": sha(2), "type": "VAE"}).status_code == 201
    assert agent.post(f"{SERVERS}/attic/requests", {"request": "full"}).status_code == 202


def test_a_client_reads_and_writes_nothing(api: Api) -> None:
    api.synced(BODY)
    client = api.with_key("client")
    assert client.availability(sha("one"))["status"] == "available"
    assert client.get(SERVERS).status_code == 200
    for answer in (
        client.sync(BODY),
        client.post("/api/v1/models/register", {"sha256": sha(2), "type": "VAE"}),
        client.post(SERVERS, {"alias": "x"}),
        client.put(f"{SERVERS}/attic", {"alias": "x"}),
        client.delete(f"{SERVERS}/attic"),
        client.post(f"{SERVERS}/attic/requests", {"request": "full"}),
    ):
        assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


def test_an_agent_may_not_administer(api: Api) -> None:
    agent = api.with_key("agent", "attic")
    assert agent.post(SERVERS, {"alias": "x"}).status_code == 403
    assert agent.delete(f"{SERVERS}/attic").status_code == 403


def test_a_revoked_key_is_void_at_once(api: Api) -> None:
    agent = api.with_key("agent", "attic")
    agent.synced(BODY)
    api.hub.keys.revoke(agent.headers["X-API-Key"])
    assert agent.sync(BODY).status_code == 401
    api.hub.keys.revoke(agent.headers["X-API-Key"])  # again, without complaint
    with pytest.raises(NotFoundError):
        api.hub.keys.revoke("qm_unknown")


def test_a_secret_is_stored_hashed_and_listed_nowhere(api: Api) -> None:
    made = api.hub.keys.create("mine", "client")
    with api.hub.database.read() as connection:
        stored = str(connection.execute(select(api_keys)).all())
    assert made.key in stored and made.secret not in stored
    assert made.secret not in str(api.hub.keys.listed())


@pytest.mark.parametrize(
    ("name", "scope", "server"),
    [
        ("", "client", None),
        ("x" * 101, "client", None),
        ("a\n", "client", None),
        ("a", "root", None),
        ("a", "agent", None),
        ("a", "client", "attic"),
        ("a", "agent", "../x"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(api: Api, name: str, scope: str, server: str | None) -> None:
    before = len(api.hub.keys.listed())
    with pytest.raises(FieldError):
        api.hub.keys.create(name, scope, server)
    assert len(api.hub.keys.listed()) == before

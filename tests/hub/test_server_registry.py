from typing import Any

import pytest
from quartermaster.tests.hub.samples import Api, digest_of, entry, sha

SERVERS = "/api/v1/servers"


def test_servers_are_listed_in_stablequeues_shape(api: Api) -> None:
    held = [entry("one"), entry("two")]
    api.synced({"models": held, "agent_id": "a", "agent": {"version": "1", "roots": ["models/Lora"]}})
    api.with_key("agent", "cellar")
    answer = api.get(SERVERS).json()
    assert [server["alias"] for server in answer] == ["attic", "cellar"]
    assert answer[0] == {
        "server_id": "attic",
        "alias": "attic",
        "apiUrl": None,
        "description": None,
        "state": "present",
        "last_seen": "2027-01-15T08:00:00.000Z",
        "count": 2,
        "digest": digest_of(held),
        "agent": {"version": "1", "roots": ["models/Lora"]},
        "requests": [],
    }
    assert (answer[1]["state"], answer[1]["last_seen"], answer[1]["count"]) == ("offline", None, 0)


def test_a_server_can_be_added_changed_and_removed_by_hand(api: Api) -> None:
    added = api.post(SERVERS, {"alias": "Main", "host": "192.168.1.100", "port": 7860, "description": "Forge"})
    assert added.status_code == 201 and added.json()["server"]["apiUrl"] == "http://192.168.1.100:7860"
    changed = api.put(f"{SERVERS}/Main", {"alias": "Attic PC", "apiUrl": "http://attic:7860"})
    assert changed.json()["server"]["server_id"] == "Main"
    assert api.get(f"{SERVERS}/Attic PC").json()["apiUrl"] == "http://attic:7860"
    assert api.get(f"{SERVERS}/Main").json()["description"] == "Forge"
    assert api.delete(f"{SERVERS}/Attic PC").json()["success"]
    assert api.get(SERVERS).json() == []


def test_a_removed_servers_models_stay_known_and_its_keys_are_void(api: Api) -> None:
    agent = api.with_key("agent", "attic")
    agent.synced({"models": [entry("one")]})
    api.delete(f"{SERVERS}/attic")
    assert api.availability(sha("one"))["status"] == "unavailable"
    assert agent.sync({"models": []}).status_code == 401


def test_a_taken_name_is_a_conflict(api: Api) -> None:
    api.post(SERVERS, {"alias": "one"})
    api.post(SERVERS, {"alias": "two", "server_id": "2"})
    for answer in (
        api.post(SERVERS, {"alias": "one"}),
        api.post(SERVERS, {"alias": "three", "server_id": "2"}),
        api.put(f"{SERVERS}/2", {"alias": "one"}),
        api.sync({"models": []}, "two"),
    ):
        assert answer.status_code == 409, answer.text
    assert [server["alias"] for server in api.get(SERVERS).json()] == ["one", "two"]


@pytest.mark.parametrize("method", ["get", "delete"])
def test_a_server_that_is_not_there_is_not_found(api: Api, method: str) -> None:
    answer = getattr(api, method)(f"{SERVERS}/nowhere")
    assert (answer.status_code, answer.json()["error"]) == (404, "server_not_found")
    answer = api.put(f"{SERVERS}/%00", {"alias": "x"})
    assert answer.status_code == 404
    assert api.post(f"{SERVERS}/nowhere/requests", {"request": "full"}).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "alias"),
        ({"alias": 5}, "alias"),
        ({"alias": "a/b"}, "alias"),
        ({"alias": ".."}, "alias"),
        ({"alias": " a"}, "alias"),
        ({"alias": "x" * 101}, "alias"),
        ({"server_id": "a", "alias": "b\n"}, "alias"),
        ({"server_id": "a/b"}, "server_id"),
        ({"alias": "a", "port": 0, "host": "b"}, "port"),
        ({"alias": "a", "apiUrl": "file:///etc/passwd"}, "apiUrl"),
        ({"alias": "a", "apiUrl": "http://user:pass@host"}, "apiUrl"),
        ({"alias": "a", "description": {"a": 1}}, "description"),
    ],
)
def test_a_bad_field_is_named(api: Api, body: dict[str, Any], field: str) -> None:
    answer = api.post(SERVERS, body)
    assert answer.status_code == 422 and answer.json()["details"] == {"field": field}
    assert api.get(SERVERS).json() == []


@pytest.mark.parametrize(("body", "status"), [({"request": "dance"}, 422), ({}, 422), ({"request": "full"}, 202)])
def test_only_known_requests_are_taken(api: Api, body: dict[str, Any], status: int) -> None:
    api.post(SERVERS, {"alias": "attic"})
    assert api.post(f"{SERVERS}/attic/requests", body).status_code == status


@pytest.mark.parametrize("server", ["..%2F..%2Fetc", "a%0Ab", "x" * 101, "%20a"])
def test_a_server_id_that_could_not_be_shown_is_refused(api: Api, server: str) -> None:
    answer = api.sync({"models": []}, server)
    assert answer.status_code in {404, 422} and answer.json()["success"] is False
    assert api.get(SERVERS).json() == []

"""Keys over HTTP and in time: made, rotated, expired, revoked, and when they were used."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from quartermaster.hub.ages import iso_time, parse_time
from quartermaster.hub.errors import ConflictError, FieldError, NotFoundError
from quartermaster.hub.keys import LONGEST_GRACE_SECONDS
from quartermaster.hub.schema import api_keys
from quartermaster.tests.hub.samples import Api, digest_of, entry, together
from sqlalchemy import delete

KEYS = "/api/v1/keys"
SERVERS = "/api/v1/servers"


def holder(api: Api, told: Any) -> Api:
    return replace(api, headers={"X-API-Key": told["key"], "X-API-Secret": told["secret"]})


def works(api: Api) -> bool:
    status = api.get(SERVERS).status_code
    assert status in {200, 401}
    return status == 200


def test_a_key_is_made_listed_rotated_and_revoked_over_http(api: Api) -> None:
    answer = api.post(KEYS, {"name": "attic's", "scope": "agent", "server_id": "attic", "expires_at": "2099-12-31"})
    assert answer.status_code == 201 and answer.headers["Cache-Control"] == "no-store"
    made = answer.json()
    agent = holder(api, made)
    assert works(agent)
    listed = {key["key"]: key for key in api.get(KEYS).json()["keys"]}
    shown = listed[made["key"]]
    assert (shown["name"], shown["scope"], shown["server_id"]) == ("attic's", "agent", "attic")
    assert shown["expires_at"] == "2100-01-01T00:00:00.000Z"
    rotated = api.post(f"{KEYS}/{made['key']}/rotate", {})
    assert rotated.status_code == 200 and rotated.headers["Cache-Control"] == "no-store"
    assert rotated.json()["secret"] != made["secret"]
    assert not works(agent) and works(holder(api, rotated.json()))
    assert api.delete(f"{KEYS}/{made['key']}").status_code == 200
    assert not works(holder(api, rotated.json()))
    assert api.post(f"{KEYS}/{made['key']}/rotate", {}).json()["error"] == "key_not_found"
    assert made["secret"] not in api.get(KEYS).text and "secret" not in api.get(KEYS).text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "a"}, "scope"),
        ({"name": "a", "scope": "root"}, "scope"),
        ({"name": "a\x00", "scope": "admin"}, "name"),
        ({"name": "a", "scope": "agent"}, "server"),
        ({"name": "a", "scope": "client", "server_id": "attic"}, "server"),
        ({"name": "a", "scope": "client", "expires_at": "soon"}, "expires_at"),
        ({"name": "a", "scope": "client", "expires_at": "2001-01-01"}, "expires_at"),
        ({"name": "a", "scope": "client", "expires_at": "9999-12-31"}, "expires_at"),
        ({"name": "a", "scope": "client", "expires_at": 5}, "expires_at"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused_by_its_field(api: Api, body: dict[str, Any], field: str) -> None:
    answer = api.post(KEYS, body)
    assert answer.status_code == 422 and answer.json()["details"]["field"] == field


@pytest.mark.parametrize("grace", [-1, 10081, "5", True, 1e400])
def test_a_grace_that_makes_no_sense_is_refused(api: Api, grace: object) -> None:
    made = api.hub.keys.create("a", "client")
    raw = b'{"grace_minutes": 1e400}' if grace == 1e400 else None
    answer = (
        api.post(f"{KEYS}/{made.key}/rotate", data=raw)
        if raw
        else api.post(f"{KEYS}/{made.key}/rotate", {"grace_minutes": grace})
    )
    assert answer.status_code in {400, 422}
    assert works(holder(api, {"key": made.key, "secret": made.secret}))


def test_the_old_secret_works_for_the_grace_and_not_a_second_longer(api: Api) -> None:
    first = api.hub.keys.create("attic's", "agent", "attic")
    old = holder(api, {"key": first.key, "secret": first.secret})
    second = api.hub.keys.rotate(first.key, 600)
    new = holder(api, {"key": second.key, "secret": second.secret})
    body = {"models": [entry("one")], "digest": digest_of([entry("one")])}
    assert old.sync(body).status_code == 200 and new.sync(body).status_code == 200
    api.clock.now += 599
    assert works(old)
    third = api.hub.keys.rotate(first.key, 600)  # once more: what was before the last one is void
    assert not works(old) and works(new)
    api.clock.now += 600
    assert not works(new) and works(holder(api, {"key": third.key, "secret": third.secret}))


def test_a_revoked_key_has_no_grace(api: Api) -> None:
    first = api.hub.keys.create("a", "client")
    second = api.hub.keys.rotate(first.key, LONGEST_GRACE_SECONDS)
    api.hub.keys.revoke(first.key)
    for secret in (first.secret, second.secret):
        assert not works(holder(api, {"key": first.key, "secret": secret}))
    with pytest.raises(NotFoundError):
        api.hub.keys.rotate(first.key)


def test_what_is_changed_in_one_process_holds_in_the_others_at_once(api: Api, start_api: Callable[..., Api]) -> None:
    second = replace(start_api(api.hub.settings), clock=api.clock)
    made = api.hub.keys.create("a", "client")
    there = replace(second, headers={"X-API-Key": made.key, "X-API-Secret": made.secret})
    assert works(there)
    rotated = api.hub.keys.rotate(made.key)
    assert not works(there)
    there = replace(there, headers={"X-API-Key": made.key, "X-API-Secret": rotated.secret})
    assert works(there)
    api.hub.keys.revoke(made.key)
    assert not works(there)


def test_a_key_is_good_until_it_expires(api: Api) -> None:
    made = api.hub.keys.create("a", "client", expires_at=api.clock.now + 60)
    client = holder(api, {"key": made.key, "secret": made.secret})
    api.clock.now += 59
    assert works(client)
    api.clock.now += 1
    assert not works(client)
    with pytest.raises(FieldError):
        api.hub.keys.create("a", "client", expires_at=api.clock.now)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2027-01-31", "2027-02-01T00:00:00.000Z"),
        ("2027-01-31T10:00:00", "2027-01-31T10:00:00.000Z"),
        ("2027-01-31T10:00:00Z", "2027-01-31T10:00:00.000Z"),
        ("2027-01-31T10:00:00+02:00", "2027-01-31T08:00:00.000Z"),
    ],
)
def test_a_time_is_read_as_it_is_written(text: str, time: str) -> None:
    assert iso_time(parse_time(text)) == time


def test_when_a_key_was_used_is_written_now_and_then(api: Api) -> None:
    made = api.hub.keys.create("a", "client")
    client = holder(api, {"key": made.key, "secret": made.secret})
    assert works(client)
    used_at = api.clock.now
    api.clock.now += 30
    api.hub.keys.last_seen.write()

    def last_used() -> float | None:
        return next(info.last_used_at for info in api.hub.keys.listed() if info.key == made.key)

    assert last_used() == used_at
    api.clock.now -= 1000  # a process whose clock is behind takes nothing back
    assert works(client)
    api.hub.keys.last_seen.write()
    assert last_used() == used_at


def test_the_last_key_that_administers_cannot_shut_everybody_out(api: Api) -> None:
    key = api.headers["X-API-Key"]
    refused = api.delete(f"{KEYS}/{key}")
    assert (refused.status_code, refused.json()["error"]) == (409, "last_admin_key")
    other = api.with_key("admin")
    assert api.delete(f"{KEYS}/{key}").status_code == 200
    assert works(other) and not works(api)
    api.hub.keys.revoke(other.headers["X-API-Key"])  # the console may
    assert not works(other)


def test_two_keys_that_revoke_each_other_leave_one(api: Api) -> None:
    pair = [api.with_key("admin"), api.with_key("admin")]
    api.hub.keys.revoke(api.headers["X-API-Key"])
    names = [each.headers["X-API-Key"] for each in pair]
    answers = together(2, lambda number: pair[number].delete(f"{KEYS}/{names[1 - number]}").status_code)
    assert sorted(works(each) for each in pair) == [False, True], answers


def test_rotating_ends_the_sessions_that_were_opened_with_the_old_secret(api: Api) -> None:
    made = api.hub.keys.create("a", "admin")
    form = {"key": made.key, "secret": made.secret}
    mine = api.hub.login.enter(form, "127.0.0.1", "mine", None)
    other = api.hub.login.enter(form, "127.0.0.1", "somebody's", None)
    api.hub.keys.rotate(made.key, 600, mine.caller)
    assert api.hub.sessions.find(mine.token) is not None
    assert api.hub.sessions.find(other.token) is None


def test_a_session_of_a_link_may_revoke_the_last_key(api: Api) -> None:
    session = api.hub.login.enter({"code": api.hub.login_codes.make().code}, "127.0.0.1", "mine", None)
    api.hub.keys.revoke(api.headers["X-API-Key"], session.caller)
    assert not works(api)
    with pytest.raises(NotFoundError):
        api.hub.keys.revoke("\x00", session.caller)


def test_sessions_are_listed_and_ended_over_http(api: Api) -> None:
    session = api.hub.login.enter({"code": api.hub.login_codes.make().code}, "127.0.0.1", "mine\n", None)
    (shown,) = api.get("/api/v1/sessions").json()["sessions"]
    assert (shown["browser"], shown["scope"], shown["key"]) == ("mine", "admin", None)
    assert api.delete(f"/api/v1/sessions/{shown['id']}").status_code == 200
    assert api.hub.sessions.find(session.token) is None
    for name in (shown["id"], "%00"):
        assert api.delete(f"/api/v1/sessions/{name}").json()["error"] == "session_not_found"


def test_a_key_that_is_deleted_by_hand_takes_its_sessions_along(api: Api) -> None:
    made = api.hub.keys.create("a", "admin")
    session = api.hub.login.enter({"key": made.key, "secret": made.secret}, "127.0.0.1", "mine", None)
    gone = delete(api_keys).where(api_keys.c.key == made.key)
    api.hub.database.write(lambda connection: connection.execute(gone))
    assert api.hub.sessions.find(session.token) is None


def test_the_last_key_is_named_in_the_refusal(api: Api) -> None:
    key = api.headers["X-API-Key"]
    caller = api.hub.keys.recognise(key, api.headers["X-API-Secret"], None)
    with pytest.raises(ConflictError, match=f"hub key revoke {key}"):
        api.hub.keys.revoke(key, caller)


def test_a_sync_whose_key_is_revoked_while_its_body_arrives_is_refused_and_changes_nothing(api: Api) -> None:
    api.with_key("agent", "attic").synced({"models": [entry("one")]})
    agent = api.with_key("agent", "attic")
    key = agent.headers["X-API-Key"]

    def was_recognised() -> bool:
        api.hub.keys.last_seen.write()
        return any(info.key == key and info.last_used_at is not None for info in api.hub.keys.listed())

    def body() -> Iterator[bytes]:
        yield b'{"models": '
        until = time.monotonic() + 60
        while not was_recognised():
            assert time.monotonic() < until
            time.sleep(0.02)  # the poll of a condition
        api.hub.keys.revoke(key)
        yield b"[]}"

    answer = agent.post("/api/v1/servers/attic/models/sync", data=body())
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
    assert "while the body was arriving" in answer.json()["message"]
    assert api.get(f"{SERVERS}/attic").json()["count"] == 1

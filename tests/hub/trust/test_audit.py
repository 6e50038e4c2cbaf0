"""What was changed is written down with who did it, in the transaction that does it, and without secrets."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from quartermaster.hub.errors import ConflictError
from quartermaster.hub.schema import audit
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.samples import Api, entry, sha
from sqlalchemy import update

AUDIT = "/api/v1/audit"


def entries(api: Api, **narrowed: object) -> list[dict[str, object]]:
    answer = api.get(AUDIT, **narrowed)
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, object]] = answer.json()["entries"]
    return listed


def actions(api: Api, **narrowed: object) -> list[object]:
    return [each["action"] for each in entries(api, **narrowed)]


def test_every_change_is_noted_with_the_key_that_made_it(api: Api) -> None:
    key = api.headers["X-API-Key"]
    api.synced({"models": [entry("one")]})
    made = api.post("/api/v1/keys", {"name": "mine", "scope": "client"}).json()
    api.post(f"/api/v1/keys/{made['key']}/rotate", {"grace_minutes": 5})
    api.delete(f"/api/v1/keys/{made['key']}")
    api.post("/api/v1/servers", {"alias": "cellar"})
    api.put("/api/v1/servers/cellar", {"description": "below"})
    api.post("/api/v1/servers/cellar/requests", {"request": "full"})
    api.delete("/api/v1/servers/cellar")
    api.put(f"/api/v1/models/{sha('one')}/overrides", {"base_model": "Pony"})
    api.delete(f"/api/v1/models/{sha('one')}/overrides")
    api.post("/api/v1/models/register", {"sha256": sha(2), "type": "VAE"})
    noted = entries(api, key=key)
    assert [(each["action"], each["subject"]) for each in reversed(noted)] == [
        ("key_created", made["key"]),
        ("key_rotated", made["key"]),
        ("key_revoked", made["key"]),
        ("server_added", "cellar"),
        ("server_changed", "cellar"),
        ("server_asked", "cellar"),
        ("server_removed", "cellar"),
        ("override_set", sha("one")),
        ("override_cleared", sha("one")),
        ("model_registered", sha(2)),
    ]
    assert all(each["by"] == {"kind": "key", "key": key, "session": None, "name": "a admin"} for each in noted)
    assert noted[-1]["details"] == {"name": "mine", "scope": "client", "server_id": None, "expires_at": None}


def test_a_session_and_the_console_are_named_too(api: Api) -> None:
    session = api.hub.login.enter({"code": api.hub.login_codes.make().code}, "10.0.0.1", "a browser", None)
    api.hub.servers.add({"alias": "cellar"}, session.caller)
    added, login, link = entries(api)[:3]
    assert [each["action"] for each in (added, login, link)] == ["server_added", "login", "login_link_made"]
    who = {"kind": "session", "key": None, "session": session.caller.session_id, "name": "one-time link"}
    assert added["by"] == who and login["by"] == who
    assert login["details"] == {"address": "10.0.0.1", "browser": "a browser"}
    by = link["by"]
    assert isinstance(by, dict) and by["kind"] == "console" and "@" in by["name"]


def test_pairing_is_noted_for_the_code_and_for_the_key(api: Api) -> None:
    code = api.hub.pairing.make("attic").code
    paired = replace(api, headers={}).post("/api/v1/pair", {"code": code}).json()
    key_paired, code_made = entries(api)[:2]
    assert (key_paired["action"], key_paired["subject"]) == ("key_paired", paired["key"])
    assert (code_made["action"], code_made["subject"]) == ("pairing_code_made", "attic")


def test_what_did_not_happen_is_not_noted(api: Api) -> None:
    api.post("/api/v1/servers", {"alias": "cellar"})
    before = actions(api)
    assert api.post("/api/v1/servers", {"alias": "cellar"}).status_code == 409
    assert api.put(f"/api/v1/models/{sha('no')}/overrides", {"base_model": "Pony"}).status_code == 404
    caller = api.hub.keys.recognise(api.headers["X-API-Key"], api.headers["X-API-Secret"], None)
    with pytest.raises(ConflictError):
        api.hub.keys.revoke(api.headers["X-API-Key"], caller)
    assert actions(api) == before


def test_it_is_read_by_pages_and_narrowed(api: Api) -> None:
    for number in range(5):
        api.post("/api/v1/servers", {"alias": f"server {number}"})
    first = api.get(AUDIT, limit=2, action="server_added").json()
    second = api.get(AUDIT, limit=2, action="server_added", cursor=first["next_cursor"]).json()
    third = api.get(AUDIT, limit=2, action="server_added", cursor=second["next_cursor"]).json()
    subjects = [each["subject"] for page in (first, second, third) for each in page["entries"]]
    assert subjects == [f"server {number}" for number in (4, 3, 2, 1, 0)]
    assert third["next_cursor"] is None
    assert actions(api, subject="server 3") == ["server_added"]
    assert actions(api, key="qm_nobody") == []
    for cursor in ("x", "-1", "9" * 30, "\u0663"):
        assert api.get(AUDIT, cursor=cursor).json()["details"]["field"] == "cursor"
    assert api.get(AUDIT, subject="\x00").status_code == 422


def test_old_entries_are_forgotten(settings: HubSettings, start_api: Callable[..., Api]) -> None:
    api = start_api(replace(settings, audit_keep_days=2.0))
    api.post("/api/v1/servers", {"alias": "old"})
    ago = update(audit).values(at=time.time() - 2 * 86_400 - 60)
    api.hub.database.write(lambda connection: connection.execute(ago))
    api.post("/api/v1/servers", {"alias": "new"})
    api.hub.audit.prune()
    assert [each["subject"] for each in entries(api)] == ["new"]

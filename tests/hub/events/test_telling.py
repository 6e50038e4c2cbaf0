"""An event is told in the transaction that makes it true: both are kept, or neither."""

import json
from typing import Any

import pytest
from quartermaster.hub.errors import ConflictError
from quartermaster.hub.events import tell
from quartermaster.hub.events.kinds import KEY_CHANGED, KINDS, SERVER_ADDED
from quartermaster.hub.schema import events
from quartermaster.tests.hub.samples import REPOSITORY, Api, digest_of, entry, sha
from sqlalchemy import Connection, select


def told(api: Api) -> list[tuple[str, str | None, dict[str, Any]]]:
    """Return what was told, but for the keys of this test."""
    with api.hub.database.read() as connection:
        rows = connection.execute(select(events).order_by(events.c.id)).all()
    return [(row.kind, row.server_id, json.loads(row.data)) for row in rows if row.kind != KEY_CHANGED]


def test_a_sync_tells_once_what_it_changed(api: Api) -> None:
    held = [entry(f"file {number:02}") for number in range(30)]
    api.synced({"models": held})
    added, changed = [one for one in told(api) if one[0] in {SERVER_ADDED, "inventory_changed"}]
    assert added == (SERVER_ADDED, "attic", {"alias": "attic"})
    assert changed[:2] == ("inventory_changed", "attic")
    data = changed[2]
    assert {name: data[name] for name in ("added", "updated", "removed", "count")} == {
        "added": 30, "updated": 0, "removed": 0, "count": 30
    }  # fmt: skip
    assert len(data["models"]) == 10
    assert all(one["hash"] == sha(one["name"]) and one["type"] == "LORA" for one in data["models"])


def test_a_sync_that_changes_nothing_tells_nothing(api: Api) -> None:
    held = [entry("one", metadata={"a": 1})]
    api.synced({"models": held})
    before = told(api)
    api.synced({"models": held})
    api.heartbeat(held)
    assert told(api) == before


def test_a_sync_that_is_refused_tells_nothing(api: Api) -> None:
    held = [entry("one")]
    api.synced({"models": held})
    before = told(api)
    body = {"mode": "delta", "base": digest_of(held), "upserts": [entry("two")], "digest": "0" * 16}
    assert api.sync(body).status_code == 422
    assert told(api) == before


def test_servers_tell_when_they_come_change_and_go(api: Api) -> None:
    api.post("/api/v1/servers", {"alias": "cellar"})
    assert api.post("/api/v1/servers", {"alias": "cellar"}).status_code == 409
    api.put("/api/v1/servers/cellar", {"alias": "basement"})
    api.delete("/api/v1/servers/basement")
    assert told(api) == [
        ("server_added", "cellar", {"alias": "cellar"}),
        ("server_changed", "cellar", {"alias": "basement"}),
        ("server_removed", "cellar", {"alias": "basement", "count": 0}),
    ]


def test_keys_tell_when_they_are_made_paired_and_revoked(api: Api) -> None:
    with api.hub.database.read() as connection:
        begun = connection.scalar(select(events.c.id).order_by(events.c.id.desc()).limit(1))
    made = api.hub.keys.create("mine", "agent", "attic")
    api.post("/api/v1/pair", {"code": api.hub.pairing.make("attic").code})
    api.hub.keys.revoke(made.key)
    api.hub.keys.revoke(made.key)
    api.delete("/api/v1/servers/attic")
    with api.hub.database.read() as connection:
        query = select(events.c.data).where(events.c.kind == KEY_CHANGED, events.c.id > begun).order_by(events.c.id)
        data = [json.loads(text) for text in connection.scalars(query)]
    assert [one["change"] for one in data] == ["made", "paired", "revoked", "revoked"]
    assert data[0] == {"key": made.key, "name": "mine", "scope": "agent", "change": "made"}
    assert made.secret not in json.dumps(data)


def test_corrections_and_registrations_are_told_with_their_model(api: Api) -> None:
    api.post("/api/v1/models/register", {"type": "LORA", "sha256": sha("x")})
    api.put(f"/api/v1/models/{sha('x')}/overrides", {"base_model": "Pony"})
    api.delete(f"/api/v1/models/{sha('x')}/overrides")
    kinds = [(kind, data.get("base_model"), data.get("created")) for kind, _, data in told(api)]
    assert kinds == [
        ("model_registered", None, True),
        ("override_changed", "Pony", None),
        ("override_changed", None, None),
    ]


def test_what_is_undone_was_never_told(api: Api) -> None:
    heard: list[int] = []
    api.hub.database.when_told.append(lambda: heard.append(1))

    def work(connection: Connection) -> None:
        tell(connection, SERVER_ADDED, "ghost")
        raise ConflictError("no")

    before = told(api)
    with pytest.raises(ConflictError):
        api.hub.database.write(work)
    assert (told(api), heard) == (before, [])
    api.hub.database.write(lambda connection: tell(connection, SERVER_ADDED, "ghost"))
    api.hub.database.write(lambda connection: None)
    assert heard == [1]


def test_an_event_has_the_hubs_time(api: Api) -> None:
    api.hub.database.write(lambda connection: tell(connection, SERVER_ADDED, "ghost"))
    with api.hub.database.read() as connection:
        assert set(connection.scalars(select(events.c.at))) == {api.clock.now}


def test_an_unknown_kind_or_too_much_data_is_a_mistake_of_ours(api: Api) -> None:
    for kind, data in (("no_such_kind", {}), (SERVER_ADDED, {"x": "y" * 20_000})):
        with pytest.raises(ValueError, match="cannot be told"):
            api.hub.database.write(lambda connection, kind=kind, data=data: tell(connection, kind, data=data))


def test_every_kind_is_documented() -> None:
    text = (REPOSITORY / "docs" / "protocol.md").read_text(encoding="utf-8")
    assert {kind for kind in KINDS if f"| `{kind}` |" in text} == KINDS

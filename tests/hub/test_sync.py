import gzip
import json
import sqlite3
from collections.abc import Callable

import pytest
from quartermaster.hub.settings import HubSettings
from quartermaster.hub_client.digest import EMPTY_DIGEST, metadata_digest
from quartermaster.tests.hub.samples import Api, bucket_of, buckets_body, digest_of, entry, sha

THREE = [entry("one"), entry("two"), entry("three")]


def paths_of(api: Api, server: str = "attic") -> set[str]:
    answer = api.get("/api/v1/models", server=server, limit=1000).json()
    return {path for model in answer["models"] for each in model["servers"] for path in each["paths"]}


def test_a_plain_full_list_makes_the_inventory_known(api: Api) -> None:
    answer = api.synced({"models": THREE})
    assert answer["in_sync"] and answer["changed"] == {"added": 3, "updated": 0, "removed": 0}
    assert (answer["digest"], answer["count"], answer["server_id"]) == (digest_of(THREE), 3, "attic")
    assert paths_of(api) == {item["path"] for item in THREE}


def test_a_full_list_replaces_what_was_there(api: Api) -> None:
    api.synced({"models": THREE})
    now = [THREE[0], entry("two", content="other bytes"), entry("four")]
    answer = api.synced({"models": now, "count": 3, "digest": digest_of(now)})
    assert answer["changed"] == {"added": 1, "updated": 1, "removed": 1}
    assert answer["digest"] == digest_of(now)
    assert paths_of(api) == {item["path"] for item in now}


def test_the_same_list_again_changes_nothing(api: Api) -> None:
    first = api.synced({"models": THREE})
    again = api.synced({"models": list(reversed(THREE))})
    assert again["changed"] == {"added": 0, "updated": 0, "removed": 0}
    assert again["digest"] == first["digest"]


def test_an_empty_list_empties_the_inventory_and_forgets_no_model(api: Api) -> None:
    api.synced({"models": THREE})
    answer = api.synced({"models": []})
    assert (answer["digest"], answer["count"]) == (EMPTY_DIGEST, 0)
    assert api.availability(sha("one"))["status"] == "unavailable"


def test_a_heartbeat_in_sync_says_so(api: Api) -> None:
    api.synced({"models": THREE})
    answer = api.heartbeat(THREE)
    assert answer["in_sync"] and "buckets" not in answer


def test_a_heartbeat_of_a_server_nobody_knows_makes_it_known(api: Api) -> None:
    assert api.heartbeat([], server="new")["in_sync"]
    assert [server["alias"] for server in api.get("/api/v1/servers").json()] == ["new"]


def test_a_heartbeat_out_of_sync_gets_the_hubs_buckets(api: Api) -> None:
    api.synced({"models": THREE})
    answer = api.heartbeat(THREE[:2])
    assert not answer["in_sync"]
    assert answer["buckets"]["bits"] == 8
    assert answer["buckets"]["digests"] == {
        bucket_of(item): digest_of([other for other in THREE if bucket_of(other) == bucket_of(item)]) for item in THREE
    }


def test_a_heartbeat_with_another_count_is_out_of_sync(api: Api) -> None:
    api.synced({"models": THREE})
    assert not api.synced({"digest": digest_of(THREE), "count": 4})["in_sync"]


@pytest.mark.parametrize("bits", [1, 3, 12, 16])
def test_buckets_of_any_width_reconcile(api: Api, bits: int) -> None:
    held = [entry(f"file {number}") for number in range(60)]
    api.synced({"models": held})
    now = [*held[3:], entry("new")]
    told = api.heartbeat(now, bits=bits)["buckets"]
    assert told["bits"] == bits
    ours = {bucket_of(item, bits) for item in now} | told["digests"].keys()
    differing = {
        name
        for name in ours
        if told["digests"].get(name, EMPTY_DIGEST) != digest_of([i for i in now if bucket_of(i, bits) == name])
    }
    answer = api.synced(buckets_body(now, differing, bits))
    assert answer["in_sync"] and answer["digest"] == digest_of(now)
    assert answer["changed"] == {"added": 1, "updated": 0, "removed": 3}


def test_each_part_of_a_large_inventory_stands_alone(api: Api) -> None:
    held = [entry(f"file {number}") for number in range(40)]
    names = sorted({bucket_of(item) for item in held})
    half = len(names) // 2
    first = api.synced(buckets_body(held, set(names[:half])))
    assert first["in_sync"] and first["count"] < 40
    assert not api.heartbeat(held)["in_sync"]
    second = api.synced(buckets_body(held, set(names[half:])))
    assert second["digest"] == digest_of(held)


def test_more_buckets_than_one_statement_has_ranges_are_applied(api: Api) -> None:
    held = [entry(f"file {number}") for number in range(300)]
    api.synced({"models": held[:200]})
    answer = api.synced(buckets_body(held, {f"{number:02x}" for number in range(256)}))
    assert answer["digest"] == digest_of(held)


def test_a_delta_applies_from_its_base(api: Api) -> None:
    api.synced({"models": THREE})
    now = [THREE[0], entry("two", content="other bytes"), entry("four")]
    answer = api.synced(
        {
            "mode": "delta",
            "base": digest_of(THREE),
            "upserts": now[1:],
            "removed": [THREE[2]["path"]],
            "digest": digest_of(now),
        }
    )
    assert answer["changed"] == {"added": 1, "updated": 1, "removed": 1}
    assert answer["count"] == 3 and api.heartbeat(now)["in_sync"]


def test_a_repeated_delta_is_answered_as_done(api: Api) -> None:
    api.synced({"models": THREE})
    now = [*THREE, entry("four")]
    body = {"mode": "delta", "base": digest_of(THREE), "upserts": [now[3]], "removed": [], "digest": digest_of(now)}
    api.synced(body)
    again = api.synced(body)
    assert again["in_sync"] and again["count"] == 4
    assert again["changed"] == {"added": 0, "updated": 0, "removed": 0}


def test_a_delta_from_another_base_is_refused_with_the_hubs_state(api: Api) -> None:
    api.synced({"models": THREE})
    answer = api.sync({"mode": "delta", "base": digest_of(THREE[:1]), "upserts": [], "digest": digest_of(THREE[:2])})
    assert answer.status_code == 409
    told = answer.json()
    assert told["error"] == "base_mismatch"
    assert (told["details"]["digest"], told["details"]["count"]) == (digest_of(THREE), 3)
    assert told["details"]["buckets"]["digests"].keys() == {bucket_of(item) for item in THREE}


def test_a_delta_that_leads_elsewhere_changes_nothing(api: Api) -> None:
    api.synced({"models": THREE})
    body = {"mode": "delta", "base": digest_of(THREE), "upserts": [entry("four")], "digest": digest_of(THREE[:1])}
    answer = api.sync(body)
    assert (answer.status_code, answer.json()["error"]) == (422, "digest_mismatch")
    assert api.heartbeat(THREE)["in_sync"]
    assert api.get(f"/api/v1/models/{sha('four')}/availability").status_code == 404


def test_a_delta_may_remove_what_is_not_there(api: Api) -> None:
    api.synced({"models": THREE})
    body = {"mode": "delta", "base": digest_of(THREE), "removed": ["models/Lora/none.pt"], "digest": digest_of(THREE)}
    assert api.synced(body)["changed"]["removed"] == 0


def test_keys_that_the_hub_does_not_know_count_in_the_digest(api: Api) -> None:
    held = [entry("one", rank=32, colours={"a": [1, 2.5, None]})]
    assert api.synced({"models": held, "digest": digest_of(held)})["digest"] == digest_of(held)
    assert api.synced({"models": []})["digest"] == EMPTY_DIGEST


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"models": THREE, "digest": "0" * 16}, "digest"),
        ({"models": THREE, "count": 4}, "count"),
        ({**buckets_body(THREE), "digest": "0" * 16}, "digest"),
    ],
)
def test_a_wrong_digest_or_count_changes_nothing(api: Api, body: dict, field: str) -> None:
    answer = api.sync(body)
    assert (answer.status_code, answer.json()["error"]) == (422, "digest_mismatch")
    assert answer.json()["details"]["field"] == field and field in answer.json()["message"]
    assert api.get("/api/v1/models").json()["models"] == []
    assert api.get("/api/v1/servers").json() == []


def test_one_bad_entry_among_good_ones_changes_nothing(api: Api) -> None:
    answer = api.sync({"models": [*THREE, entry("four", sha256="abc")]})
    assert answer.status_code == 422
    assert answer.json()["details"] == {"field": "models[3].sha256"}
    assert "models[3].sha256" in answer.json()["message"]
    assert api.get("/api/v1/models").json()["models"] == []


def test_a_gzipped_body_is_read(api: Api) -> None:
    raw = gzip.compress(json.dumps({"models": THREE}).encode())
    answer = api.post("/api/v1/servers/attic/models/sync", data=raw, headers={"Content-Encoding": "gzip"})
    assert answer.json()["count"] == 3


# Descriptions


def test_the_hub_wants_described_what_it_does_not_hold(api: Api) -> None:
    metadata = {"ss_base_model_version": "sdxl", "odd": "\ud800\x00"}
    short = entry("one", metadata=metadata_digest(metadata))
    full = {**short, "metadata": metadata}
    answer = api.synced({"models": [short]})
    assert answer["wanted"] == [sha("one")]
    assert api.heartbeat([short])["wanted"] == [sha("one")]
    digest = digest_of([short])
    answer = api.synced({"mode": "delta", "base": digest, "upserts": [full], "removed": [], "digest": digest})
    assert (answer["wanted"], answer["digest"]) == ([], digest)
    assert api.get(f"/api/v1/models/{sha('one')}").json()["model"]["metadata"] == metadata


def test_what_one_server_described_is_not_wanted_of_another(api: Api) -> None:
    metadata = {"title": "a style"}
    api.synced({"models": [entry("one", metadata=metadata)]})
    assert api.synced({"models": [entry("one", metadata=metadata_digest(metadata))]}, "cellar")["wanted"] == []


def test_a_file_that_went_is_not_wanted_any_more(api: Api) -> None:
    api.synced({"models": [entry("one", metadata="00" * 8), THREE[1]]})
    assert api.synced({"models": [THREE[1]]})["wanted"] == []
    assert api.heartbeat([THREE[1]])["wanted"] == []


def test_few_hashes_are_wanted_in_a_heartbeat_and_many_elsewhere(api: Api) -> None:
    held = [entry(f"file {number}", metadata=f"{number:016x}") for number in range(600)]
    assert len(api.synced({"models": held})["wanted"]) == 500
    assert len(api.heartbeat(held)["wanted"]) == 8


# Who holds a server


def test_a_second_live_agent_is_refused(api: Api) -> None:
    api.heartbeat([], agent_id="first", agent={"platform": "linux"})
    for body in ({"agent_id": "second"}, {}):
        answer = api.sync({"digest": EMPTY_DIGEST, "count": 0, **body})
        assert (answer.status_code, answer.json()["error"]) == (409, "server_id_in_use")
        assert answer.json()["details"]["agent"] == {"platform": "linux"}
        assert answer.json()["details"]["last_seen"] == "2027-01-15T08:00:00.000Z"
    assert api.heartbeat([], agent_id="first")["in_sync"]


def test_the_next_agent_may_come_when_the_first_fell_silent(api: Api) -> None:
    api.heartbeat([], agent_id="first")
    api.clock.now += 90.5
    assert api.heartbeat([], agent_id="second")["in_sync"]


def test_an_agent_that_leaves_frees_its_server_without_marking_it_offline(api: Api) -> None:
    api.synced({"models": THREE, "agent_id": "first"})
    api.heartbeat(THREE, agent_id="first", leaving=True)
    assert api.availability(sha("one"))["status"] == "available"
    assert api.heartbeat(THREE, agent_id="second")["in_sync"]


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_one_protocol_version_apart_works(api: Api, protocol: int) -> None:
    assert api.heartbeat([], protocol=protocol)["protocol"] == 1


def test_two_protocol_versions_apart_are_refused_with_both_named(api: Api) -> None:
    answer = api.sync({"digest": EMPTY_DIGEST, "count": 0, "protocol": 3})
    assert (answer.status_code, answer.json()["error"]) == (426, "protocol_unsupported")
    assert "1" in answer.json()["message"] and "3" in answer.json()["message"]
    assert answer.json()["details"] == {"hub_protocol": 1, "agent_protocol": 3}


# Requests


def test_a_request_is_handed_out_until_it_is_acknowledged(api: Api) -> None:
    api.heartbeat([])
    assert api.post("/api/v1/servers/attic/requests", {"request": "rescan"}).status_code == 202
    assert api.heartbeat([])["requests"] == ["rescan"]
    assert api.heartbeat([])["requests"] == []  # it was told a moment ago
    api.clock.now += 301
    assert api.heartbeat([])["requests"] == ["rescan"]
    assert api.heartbeat([], acknowledged=["rescan"])["requests"] == []
    api.clock.now += 301
    assert api.heartbeat([])["requests"] == []


def test_a_request_for_everything_ends_when_everything_came(api: Api) -> None:
    api.heartbeat([])
    api.post("/api/v1/servers/attic/requests", {"request": "full"})
    assert api.synced({"models": THREE})["requests"] == []
    assert api.get("/api/v1/servers/attic").json()["requests"] == []


# A hub that lost something


def refill(api: Api, held: list[dict]) -> int:
    """Do what an agent does after a heartbeat that is not in sync; return how many buckets it sent."""
    told = api.heartbeat(held)
    assert not told["in_sync"]
    hubs = told["buckets"]["digests"]
    names = {bucket_of(item) for item in held} | hubs.keys()
    ours = {name: digest_of([item for item in held if bucket_of(item) == name]) for name in names}
    differing = {name for name in names if hubs.get(name, EMPTY_DIGEST) != ours[name]}
    api.synced(buckets_body(held, differing))
    assert api.heartbeat(held)["in_sync"]
    return len(differing)


def test_an_emptied_hub_is_refilled(api: Api) -> None:
    held = [entry(f"file {number}") for number in range(50)]
    api.synced({"models": held})
    api.delete("/api/v1/servers/attic")
    assert refill(api, held) == len({bucket_of(item) for item in held})
    assert paths_of(api) == {item["path"] for item in held}


def test_rows_that_vanished_while_no_hub_ran_are_noticed(settings: HubSettings, start_api: Callable[..., Api]) -> None:
    held = [entry(f"file {number}") for number in range(50)]
    first = start_api(settings)
    first.synced({"models": held})
    with first.hub.database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM model_server_availability")
    again = start_api(settings)
    assert refill(again, held) > 0
    assert paths_of(again) == {item["path"] for item in held}


def test_a_hub_restored_from_an_old_copy_is_refilled_with_only_what_differs(
    tmp_path, start_api: Callable[..., Api]
) -> None:
    held = [entry(f"file {number}") for number in range(50)]
    live = HubSettings(tmp_path / "live")
    api = start_api(live)
    api.synced({"models": held})
    restored = HubSettings(tmp_path / "restored")
    restored.data_dir.mkdir()
    with sqlite3.connect(live.database_file) as source, sqlite3.connect(restored.database_file) as target:
        source.backup(target)
    source.close()
    target.close()
    now = [*held[1:], entry("new")]
    assert refill(start_api(restored), now) == 2

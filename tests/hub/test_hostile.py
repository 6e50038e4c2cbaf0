"""What a hostile or broken client may send: refused in DESIGN's shape, by the field's name, and none of it applied."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from quartermaster.tests.hub.samples import Api, bucket_of, buckets_body, digest_of, entry, sha

SYNC = "/api/v1/servers/attic/models/sync"
SHAPE = {"success", "error", "message", "details"}
HELD = [entry("one"), entry("two")]
ABSENT = object()

BAD_VALUES: dict[str, list[Any]] = {
    "path": [
        *(ABSENT, None, "", 5, [], {}, "/etc/passwd", "../x", "a/../../x", "a/./x", "a//x", "a/", "C:/x", "c:x"),
        *("\\\\nas\\x", "a\\b", "a\nb", "a\x00b", "a\ud800b", "x" * 3000),
    ],
    "type": [ABSENT, None, 5, "", "Model", "LORA\x00", ["LORA"], {"LORA": 1}],
    "size": [ABSENT, None, -1, 1.5, "1000", True, [], 1 << 63, 10**400],
    "sha256": [ABSENT, None, "", 5, "f" * 63, "f" * 65, "g" * 64, "f" * 63 + "\x00", "f" * 63 + "\ud800", ["f" * 64]],
    "autov2": ["f" * 9, "z" * 10, 1, "0" * 10],
    "tensor_sha256": ["f" * 63, "\u0660" * 64, 7],
    "mtime_ns": [1.5, "now", 1 << 63, True],
    "hash_state": ["true", 1, ["verified"], ""],
    "state": ["offline", 0, {}],
    "shared": ["no", 0, []],
    "ecosystem": [5, "a\x00", "a\ud800", "x" * 501, ["SDXL"]],
    "base_model": [5, "a\nb", "x" * 501],
    "confidence": [-0.1, 1.1, "1", True, 10**400],
    "evidence": [{}, "x", 1, ["x" * 70_000]],
    "conflicts": [{}, "x", 1],
    "metadata": ["", "0" * 15, 5, [], True],
}


def changed(field: str, value: Any) -> dict[str, Any]:
    item = entry("three")
    if value is ABSENT:
        del item[field]
    else:
        item[field] = value
    return item


def bodies(item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The three bodies that hold entries, with this as their second one, and the place where it stands in each."""
    good = entry("good")
    yield "models[1]", {"models": [good, item]}
    base = {"mode": "delta", "base": digest_of(HELD), "digest": "0" * 16}
    yield "upserts[1]", {**base, "upserts": [good, item], "removed": [HELD[0]["path"]]}
    name = bucket_of(good)
    yield f"buckets.{name}[1]", {"mode": "buckets", "bits": 8, "digest": "0" * 16, "buckets": {name: [good, item]}}


def refused(api: Api, raw: bytes, **headers: str) -> dict[str, Any]:
    """Send bytes as a sync body; return the error, whose shape is checked."""
    answer = api.post(SYNC, data=raw, headers=headers)
    assert 400 <= answer.status_code < 500, (raw[:200], answer.text)
    told: dict[str, Any] = answer.json()
    assert set(told) == SHAPE and told["success"] is False, told
    return told


def nothing_was_applied(api: Api) -> None:
    told = api.heartbeat(HELD)
    assert (told["in_sync"], told["count"]) == (True, 2)
    assert {model["name"] for model in api.get("/api/v1/models").json()["models"]} == {"one", "two"}


@pytest.mark.parametrize("field", BAD_VALUES)
def test_a_bad_entry_is_refused_by_its_field_in_every_body(api: Api, field: str) -> None:
    api.synced({"models": HELD})
    for value in BAD_VALUES[field]:
        for place, body in bodies(changed(field, value)):
            told = refused(api, json.dumps(body).encode())
            # The first hash that is wrong is named: an AutoV2 that is not its SHA-256's head shows a wrong SHA-256 too.
            assert told["details"]["field"] == f"{place}.{field}", (field, value, told)
            assert told["error"] in {"invalid_field", "missing_required_field"}
    nothing_was_applied(api)


def test_an_entry_that_is_none_is_refused_in_every_body(api: Api) -> None:
    api.synced({"models": HELD})
    for item in (None, 5, "x", [], True, [entry("x")]):
        for place, body in bodies({}):
            raw = json.dumps(body).replace("{}", json.dumps(item))
            assert refused(api, raw.encode())["details"]["field"] == place
    nothing_was_applied(api)


@pytest.mark.parametrize(
    "path", ["", "/x", "../x", "a/../x", "a\\b", "\\\\nas\\x", "C:/x", "a\x00", "a\ud800", "a\nb", 5, None]
)
def test_a_bad_removed_path_is_refused(api: Api, path: object) -> None:
    api.synced({"models": HELD})
    base = digest_of(HELD)
    body = {"mode": "delta", "base": base, "digest": base, "removed": [HELD[0]["path"], path]}
    assert refused(api, json.dumps(body).encode())["details"]["field"] == "removed[1]"
    nothing_was_applied(api)


@pytest.mark.parametrize(
    "body",
    [
        {"models": [entry("three")], "digest": "1" * 16},
        {"models": [entry("three")], "count": 2},
        {"mode": "delta", "base": digest_of(HELD), "upserts": [entry("three")], "digest": digest_of(HELD)},
        {"mode": "delta", "base": digest_of(HELD), "removed": [HELD[0]["path"]], "digest": digest_of(HELD)},
        {**buckets_body([entry("three")]), "digest": "1" * 16},
    ],
)
def test_what_does_not_add_up_is_not_applied(api: Api, body: dict[str, Any]) -> None:
    api.synced({"models": HELD})
    told = refused(api, json.dumps(body).encode())
    assert (told["error"], told["details"]["field"]) == ("digest_mismatch", "count" if "count" in body else "digest")
    nothing_was_applied(api)


@pytest.mark.parametrize(
    "field", ["digest", "count", "bits", "protocol", "agent_id", "agent", "leaving", "acknowledged"]
)
def test_a_bad_heartbeat_is_refused_by_its_field(api: Api, field: str) -> None:
    api.synced({"models": HELD})
    bad = {"protocol": ["1", -1, 10**30, 1.5], "agent": [[], "x", {"a": "x" * 70_000}], "leaving": ["yes", 0]}
    for value in bad.get(field, [-1, 10**30, 1.5, "zz", {}, "a\x00", "a\ud800"]):
        body = {"digest": digest_of(HELD), "count": 2, field: value}
        if field == "agent_id" and value == "zz":
            continue
        assert refused(api, json.dumps(body).encode())["details"]["field"] == field, value
    nothing_was_applied(api)


def test_deep_metadata_evidence_and_agents_are_refused_by_their_field(api: Api) -> None:
    api.synced({"models": HELD})
    deep: Any = []
    for _ in range(200):
        deep = [deep]
    for field, value in (("metadata", {"a": deep}), ("evidence", deep), ("conflicts", deep)):
        for place, body in bodies(changed(field, value)):
            assert refused(api, json.dumps(body).encode())["details"]["field"] == f"{place}.{field}"
    body = {"digest": digest_of(HELD), "agent": {"a": deep}}
    assert refused(api, json.dumps(body).encode())["details"]["field"] == "agent"
    nothing_was_applied(api)


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", "invalid_json"),
        (b"models=[]", "invalid_json"),
        (b'{"models": [],}', "invalid_json"),
        (b'{"models": [], "models": []}', "invalid_json"),
        (b'{"models": [{"path": "a", "path": "b"}]}', "invalid_json"),
        (b'{"models": [{"confidence": NaN}]}', "invalid_json"),
        (b'{"models": [{"metadata": {"a": -Infinity}}]}', "invalid_json"),
        (b'{"models": [{"confidence": 1e400}]}', "invalid_json"),
        (b'{"digest": ' + b"9" * 10_000 + b"}", "invalid_json"),
        (b'{"models": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "invalid_json"),
        (b'{"agent": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, "invalid_json"),
        (b'{"models": ["\xed\xa0\x80"]}', "invalid_json"),
        (b"\x00", "invalid_json"),
        (b"[" + b"1," * 10_000_000 + b"1]", "too_many_entries"),
    ],
    ids=range(14),
)
def test_what_is_no_json_is_refused(api: Api, raw: bytes, error: str) -> None:
    api.synced({"models": HELD})
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", "application/x-msgpack"):
        assert refused(api, raw, **{"Content-Type": kind})["error"] == error
    nothing_was_applied(api)


def test_ten_million_entries_are_refused_by_the_field_that_holds_them(api: Api) -> None:
    api.synced({"models": HELD})
    many = b"{}," * 9_999_999 + b"{}"
    for field, raw in (
        ("models", b'{"models":[' + many + b"]}"),
        ("upserts", b'{"mode":"delta","base":"0","upserts":[' + many + b'],"removed":[],"digest":"0"}'),
        ("removed", b'{"mode":"delta","base":"0","upserts":[],"removed":[' + many + b'],"digest":"0"}'),
        ("buckets", b'{"mode":"buckets","bits":8,"buckets":{"00":[' + many + b']},"digest":"0"}'),
    ):
        told = refused(api, raw)
        assert (told["error"], told["details"]["field"]) == ("too_many_entries", field)
    told = refused(api, gzip.compress(b'{"models":[' + many + b"]}", 1), **{"Content-Encoding": "gzip"})
    assert (told["error"], told["details"]["field"]) == ("too_many_entries", "models")
    nothing_was_applied(api)


def test_what_json_can_hold_and_postgresql_cannot_is_kept_all_the_same(api: Api) -> None:
    odd = {"nul": "\x00", "half": "\ud800", "line\nbreak": ["\u2028", 10**300, -0.0, 1e-300, True, None], "": {}}
    held = [entry("one", metadata=odd, evidence=[odd], conflicts=[odd])]
    assert api.synced({"models": held, "digest": digest_of(held), "agent": odd})["in_sync"]
    model = api.get(f"/api/v1/models/{sha('one')}").json()["model"]
    assert (model["metadata"], model["evidence"], model["conflicts"]) == (odd, [odd], [odd])
    assert api.get("/api/v1/servers").json()[0]["agent"] == odd


def test_the_longest_names_that_are_taken_fit_into_both_databases(api: Api) -> None:
    longest = "".join(chr(0x1F300 + number % 512) for number in range(512))  # 2,048 bytes that no index compresses
    held = [entry("one", path=longest, metadata="0" * 16, ecosystem="\u20ac" * 500, base_model="\u20ac" * 500)]
    server = longest[:100]
    assert api.synced({"models": held, "digest": digest_of(held), "agent_id": "\u20ac" * 500}, server)["count"] == 1
    assert api.availability(sha("one"))["servers"][0]["path"] == longest
    body = {"mode": "delta", "base": digest_of(held), "removed": [longest], "digest": digest_of([])}
    assert api.synced(body | {"agent_id": "\u20ac" * 500}, server)["count"] == 0


@pytest.mark.parametrize("server", ["a%00b", "a%0Ab", "%ED%A0%80%00", "a%2Fb", "a%5Cb", "..", "%20", "x" * 101])
def test_a_bad_server_id_is_refused(api: Api, server: str) -> None:
    answer = api.session.post(
        f"{api.address}/api/v1/servers/{server}/models/sync", json={"models": []}, headers=api.headers, timeout=60
    )
    assert answer.status_code in {404, 405, 422} and set(answer.json()) == SHAPE
    assert api.get("/api/v1/servers").json() == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/models/%00/availability",
        "/api/v1/models/" + "%00" * 10 + "/availability",
        "/api/v1/models/%ff%fe/availability",
        "/api/v1/models/" + "\u0663" * 10,
        "/api/v1/models/" + "9" * 5000,
        "/api/v1/models?q=%00",
        "/api/v1/models?server=%00",
        "/api/v1/models?ecosystem=a%0Ab",
        "/api/v1/models?type=%00",
        "/api/v1/models?status=dancing",
        "/api/v1/models?limit=0",
        "/api/v1/models?limit=" + "9" * 400,
        "/api/v1/models?limit=ten",
        "/api/v1/models?cursor=%00",
        "/api/v1/models?cursor=YWZ0ZXI6" + "OTk5" * 20,
        "/api/v1/models?cursor=YWZ0ZXI6OTk5OTk5OTk5OTk5OTk5OTk5OTk",
        "/api/v1/models?q=" + "a" * 201,
        "/api/v1/servers/%00",
        "/api/v1/servers/%ff",
    ],
)
def test_a_bad_address_is_refused_in_our_shape(api: Api, path: str) -> None:
    answer = api.get(path)
    assert 400 <= answer.status_code < 500 and set(answer.json()) == SHAPE, answer.text


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/v1/models/availability", {"hashes": ["\x00" * 10]}, "hashes[0]"),
        ("/api/v1/models/availability", {"hashes": [sha(1), {"a": 1}]}, "hashes[1]"),
        ("/api/v1/models/availability", {"hashes": sha(1)}, "hashes"),
        ("/api/v1/models/availability", {"hashes": [sha(1)] * 1001}, "hashes"),
        ("/api/v1/models/register", {"sha256": sha(1), "type": "LORA", "name": "a\x00"}, "name"),
        ("/api/v1/models/register", {"sha256": sha(1), "type": "LORA", "name": "a\nb"}, "name"),
        ("/api/v1/models/register", {"sha256": sha(1), "type": "\x00"}, "type"),
        ("/api/v1/models/register", {"sha256": sha(1), "type": "LORA", "ecosystem": "\ud800"}, "ecosystem"),
        ("/api/v1/models/register", {"sha256": sha(1), "type": "LORA", "civitai_id": 10**30}, "civitai_id"),
        ("/api/v1/models/register", {"sha256": sha(1), "type": "LORA", "civitai_id": -1}, "civitai_id"),
        ("/api/v1/models/register", {"sha256": sha(1), "type": "LORA", "download_url": "http://[/"}, "download_url"),
        (
            "/api/v1/models/register",
            {"sha256": sha(1), "type": "LORA", "download_urls": ["file:///"]},
            "download_urls[0]",
        ),
        ("/api/v1/models/register", {"sha256": sha(1), "type": "LORA", "size": 1 << 63}, "size"),
        ("/api/v1/models/register", {"sha256": sha(1), "type": "LORA", "metadata": []}, "metadata"),
        ("/api/v1/servers", {"alias": "a\x00"}, "alias"),
        ("/api/v1/servers", {"alias": 5}, "alias"),
        ("/api/v1/servers", {"alias": "a", "server_id": "a/b"}, "server_id"),
        ("/api/v1/servers", {"alias": "a", "description": "\x00"}, "description"),
        ("/api/v1/servers", {"alias": "a", "port": 0, "host": "h"}, "port"),
        ("/api/v1/servers", {"alias": "a", "apiUrl": "javascript:alert(1)"}, "apiUrl"),
        ("/api/v1/compatibility", {"checkpoint": "\x00", "addon": "\ud800", "type": "\x00"}, "type"),
        ("/api/v1/compatibility", {"questions": [5]}, "questions[0]"),
        ("/api/v1/compatibility", {"questions": [{}] * 1001}, "questions"),
        ("/api/v1/compatibility", {"checkpoint": ["a"], "addon": "b", "type": "LORA"}, "checkpoint"),
    ],
    ids=range(24),
)
def test_every_other_body_is_refused_by_its_field(api: Api, path: str, body: dict[str, Any], field: str) -> None:
    answer = api.post(path, body)
    assert answer.status_code in {413, 422} and set(answer.json()) == SHAPE, answer.text
    assert answer.json()["details"]["field"] == field
    assert api.get("/api/v1/models").json()["models"] == [] == api.get("/api/v1/servers").json()

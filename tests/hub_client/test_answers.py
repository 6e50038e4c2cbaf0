from typing import Any

import pytest
from quartermaster.hub_client import Availability, MalformedMessageError, ServerInfo, ServerPlacement, model_hash
from quartermaster.hub_client.answers import read_batch, read_found

SERVER = {"server_id": "attic", "state": "present", "path": "a/x", "paths": ["a/x", "b/x"], "hash_state": "verified",
          "last_seen": "2026-11-21T03:00:00Z"}  # fmt: skip
ANSWER: dict[str, Any] = {"success": True, "status": "available", "model": {"name": "x"}, "servers": [SERVER],
                          "sources": [], "candidates": []}  # fmt: skip


def test_an_availability_is_read() -> None:
    assert Availability.from_wire("ABCDEF0123", ANSWER) == Availability(
        hash="ABCDEF0123",
        status="available",
        model={"name": "x"},
        servers=(ServerPlacement("attic", "present", "a/x", ("a/x", "b/x"), "verified", "2026-11-21T03:00:00Z"),),
    )


def test_what_a_newer_hub_adds_is_kept_for_those_who_pass_it_on() -> None:
    assert Availability.from_wire("ABCDEF0123", {**ANSWER, "rank": 3}).wire["rank"] == 3


def test_a_server_with_one_path_has_that_one() -> None:
    placement = ServerPlacement.from_wire({"server_id": "attic", "state": "stale", "path": "a/x"})
    assert placement == ServerPlacement("attic", "stale", "a/x", ("a/x",), None, None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"status": None}, "status"),
        ({"status": 3}, "status"),
        ({"servers": {}}, "servers"),
        ({"servers": [SERVER, "attic"]}, "servers[1]"),
        ({"servers": [SERVER, {**SERVER, "path": None}]}, "servers[1].path"),
        ({"servers": [{**SERVER, "paths": [3]}]}, "servers[0].paths[0]"),
        ({"model": "x"}, "model"),
        ({"candidates": [None]}, "candidates[0]"),
    ],
)
def test_a_wrong_key_of_an_availability_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(MalformedMessageError) as caught:
        Availability.from_wire("ABCDEF0123", {**ANSWER, **change})
    assert caught.value.field == field


def test_a_batch_is_read_by_hash() -> None:
    results = {"a" * 10: ANSWER, "b" * 12: {"status": "unknown"}, "c" * 10: "what nobody asked for is left alone"}
    found = read_batch(["a" * 10, "b" * 12], {"success": True, "results": results})
    assert {text: answer.status for text, answer in found.items()} == {"a" * 10: "available", "b" * 12: "unknown"}


@pytest.mark.parametrize(
    ("wire", "field"),
    [
        ([], "the message"),
        ({}, "results"),
        ({"results": []}, "results"),
        ({"results": {}}, "results.aaaaaaaaaa"),
        ({"results": {"a" * 10: "available"}}, "results.aaaaaaaaaa"),
        ({"results": {"a" * 10: {}}}, "results.aaaaaaaaaa.status"),
    ],
)
def test_a_batch_that_lacks_an_answer_is_refused(wire: object, field: str) -> None:
    with pytest.raises(MalformedMessageError) as caught:
        read_batch(["a" * 10], wire)
    assert caught.value.field == field


def test_a_server_may_be_known_by_its_alias_only() -> None:
    assert ServerInfo.from_wire({"alias": "Laptop"}) == ServerInfo("Laptop", "Laptop")
    assert ServerInfo.from_wire({"alias": "Laptop", "server_id": "l-1", "state": "stale"}) == ServerInfo(
        "l-1", "Laptop", "stale"
    )


@pytest.mark.parametrize("text", ["0123456789", "ABCDEF012345", "aB" * 32])
def test_a_hash_is_autov2_autov3_or_sha256_in_any_case(text: str) -> None:
    assert model_hash(text) == text.lower()


@pytest.mark.parametrize(
    "text", ["", "0" * 9, "0" * 11, "0" * 63, "g" * 10, " " + "0" * 9, "٠" * 10, "../../../x", "0x" + "0" * 8]
)
def test_anything_else_is_no_hash(text: str) -> None:
    with pytest.raises(ValueError, match="no model hash"):
        model_hash(text)


def test_answers_to_names_are_read_in_their_order() -> None:
    first, second = read_found(["a", "b"], {"results": [ANSWER, {"status": "unknown"}]})
    assert (first.hash, first.status, second.hash, second.status) == ("a", "available", "b", "unknown")


@pytest.mark.parametrize("wire", [{}, {"results": {}}, {"results": [ANSWER]}, {"results": [ANSWER, {"servers": []}]}])
def test_answers_that_are_not_one_for_each_name_are_malformed(wire: Any) -> None:
    with pytest.raises(MalformedMessageError, match="results"):
        read_found(["a", "b"], wire)

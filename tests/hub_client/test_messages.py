from typing import Any

import pytest
from quartermaster.hub_client import (
    BaseMismatch,
    BucketDigests,
    Buckets,
    Changes,
    Delta,
    FullList,
    Heartbeat,
    MalformedMessageError,
    ModelEntry,
    Sender,
    SyncAnswer,
)
from quartermaster.hub_client.digest import inventory_digest, metadata_digest

EMPTY = "0" * 16
ONE = ModelEntry("models/Lora/x.safetensors", "LORA", 3, "ab" * 32, metadata={"name": "x"})
TWO = ModelEntry("models/VAE/y.safetensors", "VAE", 4, "cd" * 32, metadata={"name": "y"})
ANSWER: dict[str, Any] = {
    "success": True,
    "protocol": 1,
    "server_id": "attic",
    "in_sync": False,
    "digest": "00000000000000FF",
    "count": 3,
    "wanted": ["AB" * 32],
    "requests": ["rescan"],
    "changed": {"added": 1, "updated": 2, "removed": 3},
    "buckets": {"bits": 8, "digests": {"a3": "00000000000000FE"}},
}


def test_a_heartbeat_says_its_state_and_little_more() -> None:
    assert Heartbeat(EMPTY, 0).to_wire() == {"digest": EMPTY, "count": 0}
    assert Heartbeat(EMPTY, 0, bits=12, acknowledged=["rescan"], leaving=True).to_wire() == {
        "digest": EMPTY, "count": 0, "bits": 12, "acknowledged": ["rescan"], "leaving": True,
    }  # fmt: skip


def test_a_delta_says_from_where_to_where() -> None:
    assert Delta("a" * 16, "b" * 16, upserts=[ONE], removed=["models/old"]).to_wire() == {
        "mode": "delta",
        "base": "a" * 16,
        "upserts": [ONE.to_wire()],
        "removed": ["models/old"],
        "digest": "b" * 16,
    }


def test_the_digest_of_buckets_covers_what_is_sent() -> None:
    wire = Buckets({"a3": [ONE], "00": []}).to_wire()
    assert wire == {
        "mode": "buckets",
        "bits": 8,
        "buckets": {"a3": [ONE.to_wire()], "00": []},
        "digest": inventory_digest([ONE.to_wire()]),
    }
    assert Buckets({}, digest="c" * 16).to_wire()["digest"] == "c" * 16


def test_a_full_list_is_counted_and_summed_up() -> None:
    wire = FullList([ONE, TWO]).to_wire()
    assert wire == {
        "models": [ONE.to_wire(), TWO.to_wire()],
        "digest": inventory_digest([TWO.to_wire(), ONE.to_wire()]),
        "count": 2,
    }
    assert FullList([], digest=EMPTY).to_wire() == {"models": [], "digest": EMPTY, "count": 0}


def test_only_the_models_that_the_hub_wants_described_are() -> None:
    wanted = frozenset({"cd" * 32})
    for wire in (
        FullList([ONE, TWO], described=wanted).to_wire()["models"],
        Delta(EMPTY, EMPTY, upserts=[ONE, TWO], described=wanted).to_wire()["upserts"],
        Buckets({"a3": [ONE, TWO]}, described=wanted).to_wire()["buckets"]["a3"],
    ):
        assert [entry["metadata"] for entry in wire] == [metadata_digest({"name": "x"}), {"name": "y"}]


def test_a_description_changes_no_digest() -> None:
    described, short = FullList([ONE, TWO]), FullList([ONE, TWO], described=frozenset())
    assert described.to_wire()["digest"] == short.to_wire()["digest"]


def test_a_sender_is_an_id_and_what_it_says_of_itself() -> None:
    assert Sender("a-1").to_wire() == {"agent_id": "a-1"}
    assert Sender("a-1", {"version": "1"}).to_wire() == {"agent_id": "a-1", "agent": {"version": "1"}}


def test_an_answer_is_read() -> None:
    assert SyncAnswer.from_wire(ANSWER) == SyncAnswer(
        in_sync=False,
        digest="00000000000000ff",
        count=3,
        protocol=1,
        server_id="attic",
        wanted=("ab" * 32,),
        requests=("rescan",),
        changed=Changes(1, 2, 3),
        buckets=BucketDigests(8, {"a3": "00000000000000fe"}),
    )


def test_a_hub_one_version_apart_is_understood() -> None:
    least = {"in_sync": True, "digest": EMPTY, "count": 0}
    assert SyncAnswer.from_wire(least) == SyncAnswer.from_wire({**least, "mood": "fine", "changed": {"moved": 1}})


@pytest.mark.parametrize(
    ("change", "field", "problem"),
    [
        ({"in_sync": None}, "in_sync", "missing"),
        ({"in_sync": 1}, "in_sync", "true or false"),
        ({"digest": None}, "digest", "missing"),
        ({"digest": "xyz"}, "digest", "16 hex digits"),
        ({"count": "3"}, "count", "an integer"),
        ({"count": True}, "count", "an integer"),
        ({"protocol": "1"}, "protocol", "an integer"),
        ({"wanted": "all"}, "wanted", "an array"),
        ({"wanted": ["a", 3]}, "wanted[1]", "a string"),
        ({"requests": [None]}, "requests[0]", "a string"),
        ({"changed": []}, "changed", "an object"),
        ({"changed": {"added": "x"}}, "changed.added", "an integer"),
        ({"buckets": []}, "buckets", "an object"),
        ({"buckets": {"digests": {}}}, "buckets.bits", "missing"),
        ({"buckets": {"bits": 17, "digests": {}}}, "buckets.bits", "1 to 16"),
        ({"buckets": {"bits": 8, "digests": {"a3": 1}}}, "buckets.digests.a3", "16 hex digits"),
    ],
)
def test_a_wrong_key_of_an_answer_is_named(change: dict[str, Any], field: str, problem: str) -> None:
    with pytest.raises(MalformedMessageError, match=problem) as caught:
        SyncAnswer.from_wire({**ANSWER, **change})
    assert caught.value.field == field


def test_the_details_of_a_base_mismatch_are_the_hubs_state() -> None:
    details = {"digest": EMPTY, "count": 0, "buckets": {"bits": 8, "digests": {}}}
    assert BaseMismatch.from_wire(details) == BaseMismatch(EMPTY, 0, BucketDigests(8, {}))
    with pytest.raises(MalformedMessageError) as caught:
        BaseMismatch.from_wire({**details, "buckets": {"bits": 8}})
    assert caught.value.field == "details.buckets.digests"

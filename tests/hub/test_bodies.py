from typing import Any

import pytest
from quartermaster.hub.bodies import Heartbeat, read_body
from quartermaster.hub.errors import FieldError, TooLargeError
from quartermaster.hub.limits import Limits
from quartermaster.tests.hub.samples import bucket_of, digest_of, entry

D = "0" * 16
ONE = entry("one")
BUCKET = bucket_of(ONE)
OTHER = f"{(int(BUCKET, 16) + 1) % 256:02x}"


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "digest", "missing_required_field"),
        ({"digest": "xyz"}, "digest", "invalid_field"),
        ({"digest": "0" * 15 + "\u0660"}, "digest", "invalid_field"),
        ({"digest": 7}, "digest", "invalid_field"),
        ({"digest": D, "count": -1}, "count", "invalid_field"),
        ({"digest": D, "count": True}, "count", "invalid_field"),
        ({"digest": D, "bits": 0}, "bits", "invalid_field"),
        ({"digest": D, "bits": 17}, "bits", "invalid_field"),
        ({"digest": D, "agent_id": 5}, "agent_id", "invalid_field"),
        ({"digest": D, "agent_id": ""}, "agent_id", "invalid_field"),
        ({"digest": D, "agent_id": "a\x00"}, "agent_id", "invalid_field"),
        ({"digest": D, "agent": []}, "agent", "invalid_field"),
        ({"digest": D, "agent": {"a": "x" * 70_000}}, "agent", "invalid_field"),
        ({"digest": D, "leaving": 1}, "leaving", "invalid_field"),
        ({"digest": D, "protocol": "1"}, "protocol", "invalid_field"),
        ({"digest": D, "acknowledged": ["dance"]}, "acknowledged", "invalid_field"),
        ({"mode": "merge"}, "mode", "invalid_field"),
        ({"mode": ["delta"]}, "mode", "invalid_field"),
        ({"models": {}}, "models", "invalid_field"),
        ({"models": "all"}, "models", "invalid_field"),
        ({"models": None}, "models", "missing_required_field"),
        ({"mode": "delta", "digest": D}, "base", "missing_required_field"),
        ({"mode": "delta", "base": D}, "digest", "missing_required_field"),
        ({"mode": "delta", "base": D, "digest": D, "upserts": {}}, "upserts", "invalid_field"),
        ({"mode": "delta", "base": D, "digest": D, "removed": "a"}, "removed", "invalid_field"),
        ({"mode": "delta", "base": D, "digest": D, "removed": ["a", 5]}, "removed[1]", "invalid_field"),
        ({"mode": "delta", "base": D, "digest": D, "removed": ["a\ud800"]}, "removed[0]", "invalid_field"),
        *[
            ({"mode": "delta", "base": D, "digest": D, "removed": ["a", path]}, "removed[1]", "invalid_field")
            for path in ("", "/etc/passwd", "../x", "a/../b", "a//b", "a\\b", "C:/x", "a\x00", "x" * 2049, None, ["a"])
        ],
        *[
            ({"digest": D, "acknowledged": value}, "acknowledged", "invalid_field")
            for value in ("", "rescan", 0, False, {}, [["rescan"]], [None])
        ],
        ({"mode": "delta", "base": D, "digest": D, "removed": ["a", "a"]}, "removed[1]", "invalid_field"),
        (
            {"mode": "delta", "base": D, "digest": D, "upserts": [ONE], "removed": [ONE["path"]]},
            "removed[0]",
            "invalid_field",
        ),
        ({"mode": "buckets", "digest": D}, "buckets", "missing_required_field"),
        ({"mode": "buckets", "buckets": []}, "buckets", "invalid_field"),
        ({"mode": "buckets", "buckets": {}}, "digest", "missing_required_field"),
        ({"mode": "buckets", "digest": D, "buckets": {"zz": []}}, "buckets.'zz'", "invalid_field"),
        ({"mode": "buckets", "digest": D, "buckets": {"abc": []}}, "buckets.'abc'", "invalid_field"),
        ({"mode": "buckets", "bits": 3, "digest": D, "buckets": {"8": []}}, "buckets.'8'", "invalid_field"),
        ({"mode": "buckets", "digest": D, "buckets": {"aa": 5}}, "buckets.aa", "invalid_field"),
        ({"mode": "buckets", "digest": D, "buckets": {OTHER: [ONE]}}, f"buckets.{OTHER}[0].path", "invalid_field"),
    ],
)
def test_a_bad_field_is_named(body: dict[str, Any], field: str, code: str) -> None:
    with pytest.raises(FieldError) as caught:
        read_body(body, Limits())
    assert (caught.value.field, caught.value.code) == (field, code)
    assert field in caught.value.message


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"models": [ONE, entry("two")]}, "models"),
        ({"mode": "delta", "base": D, "digest": D, "upserts": [ONE, {}], "removed": ["gone"]}, "upserts"),
        ({"mode": "delta", "base": D, "digest": D, "removed": ["../gone", 5]}, "removed"),
        ({"mode": "buckets", "digest": D, "buckets": {BUCKET: [ONE], OTHER: [{}]}}, "buckets"),
    ],
)
def test_too_many_entries_are_refused_before_any_is_read(body: dict[str, Any], field: str) -> None:
    with pytest.raises(TooLargeError) as caught:
        read_body(body, Limits(entries=1))
    assert (caught.value.code, caught.value.details["field"]) == ("too_many_entries", field)
    assert caught.value.message.startswith(f"{field}: ")


def test_a_heartbeat_needs_nothing_but_its_digest() -> None:
    assert read_body({"digest": "00000000000000FF"}, Limits())[1] == Heartbeat(digest=255, count=None, bits=8)


def test_null_is_as_good_as_absent() -> None:
    sender, _ = read_body({"digest": D, "agent_id": None, "agent": None, "leaving": None, "protocol": None}, Limits())
    assert (sender.agent_id, sender.agent, sender.leaving) == (None, None, False)


def test_empty_buckets_are_a_statement_too() -> None:
    _, body = read_body({"mode": "buckets", "digest": digest_of([]), "buckets": {"00": []}}, Limits())
    assert body.numbers == {0} and body.entries == []  # type: ignore[union-attr]  # it is a buckets body

import hashlib
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quartermaster.hub_client import digest

ENTRY = {
    "path": "models/Lora/Größe 3.safetensors",
    "type": "LORA",
    "size": 151112345,
    "mtime_ns": 1700000000000000000,
    "sha256": "a" * 64,
    "confidence": 0.9,
    "evidence": ["x"],
    "metadata": {"name": "Größe", "n": [1, 2.5, None, True]},
}
CURL_ENTRY = {"path": "x", "type": "VAE", "size": 0, "autov2": "0123456789"}

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)
objects = st.dictionaries(st.text(), json_values, max_size=4)
entries = st.builds(lambda extra, metadata: {**extra, "metadata": metadata}, objects, objects)
digests = st.integers(0, digest.MODULUS - 1)


def test_the_canonical_form_is_sorted_compact_and_ascii() -> None:
    assert digest.canonical_json({"b": "ö", "a": [1, 2.5, None, True, {"z": 1, "y": ""}]}) == (
        b'{"a":[1,2.5,null,true,{"y":"","z":1}],"b":"\\u00f6"}'
    )


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_has_no_word_for_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest.canonical_json({"confidence": number})


def test_an_object_that_contains_itself_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    with pytest.raises(RecursionError):
        digest.canonical_json(endless)


def test_the_protocol_has_these_digests() -> None:
    """Agent and hub may be one version apart: whoever changes one of these breaks every fleet."""
    assert digest.metadata_digest(ENTRY["metadata"]) == "f0b223622f481448"
    assert digest.metadata_digest({}) == "01e7b720ff566d53"
    assert digest.to_hex(digest.entry_digest(ENTRY)) == "03de8b260490ad3e"
    assert digest.to_hex(digest.entry_digest(CURL_ENTRY)) == "98264c9eba51bffb"
    assert digest.inventory_digest([ENTRY, CURL_ENTRY]) == "9c04d7c4bee26d39"
    assert digest.inventory_digest([]) == digest.EMPTY_DIGEST == "0000000000000000"


def test_an_entry_digest_is_blake2b_over_the_canonical_entry() -> None:
    form = digest.canonical_json({**ENTRY, "metadata": digest.metadata_digest(ENTRY["metadata"])})
    assert digest.to_hex(digest.entry_digest(ENTRY)) == hashlib.blake2b(form, digest_size=8).hexdigest()


@given(entries)
def test_metadata_and_its_digest_give_one_entry_digest(entry: dict[str, Any]) -> None:
    short = {**entry, "metadata": digest.metadata_digest(entry["metadata"])}
    assert digest.entry_digest(entry) == digest.entry_digest(short)


@given(entries, st.randoms())
def test_the_order_of_keys_does_not_matter(entry: dict[str, Any], shuffler: random.Random) -> None:
    items = list(entry.items())
    shuffler.shuffle(items)
    assert digest.entry_digest(dict(items)) == digest.entry_digest(entry)


@given(st.lists(entries, max_size=6), st.randoms())
def test_the_order_of_entries_does_not_matter(inventory: list[dict[str, Any]], shuffler: random.Random) -> None:
    shuffled = inventory[:]
    shuffler.shuffle(shuffled)
    assert digest.inventory_digest(shuffled) == digest.inventory_digest(inventory)


@given(st.lists(entries, min_size=1, max_size=6), entries)
def test_one_replacement_costs_one_addition(inventory: list[dict[str, Any]], new: dict[str, Any]) -> None:
    before = digest.from_hex(digest.inventory_digest(inventory))
    after = digest.add(before, -digest.entry_digest(inventory[0]), digest.entry_digest(new))
    assert digest.to_hex(after) == digest.inventory_digest([new, *inventory[1:]])


@given(st.lists(digests, max_size=8))
def test_a_sum_stays_a_digest_and_can_be_undone(values: list[int]) -> None:
    total = digest.add(*values)
    assert 0 <= total < digest.MODULUS
    assert digest.add(total, *(-value for value in values)) == 0


@given(digests)
def test_hex_digits_are_read_back_in_any_case(value: int) -> None:
    text = digest.to_hex(value)
    assert len(text) == 16
    assert digest.from_hex(text) == digest.from_hex(text.upper()) == value


@pytest.mark.parametrize(
    "text", ["", "0" * 15, "0" * 17, "g" * 16, " " + "0" * 15, "+" + "0" * 15, "0x" + "0" * 14, "٠" * 16]
)
def test_anything_else_is_no_digest(text: str) -> None:
    with pytest.raises(ValueError, match="not a digest"):
        digest.from_hex(text)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_with_8_bits_a_bucket_is_named_by_two_digits_of_the_paths_sha256(path: str) -> None:
    assert digest.bucket_prefix(digest.path_key(path), 8) == hashlib.sha256(path.encode()).hexdigest()[:2]


def test_a_path_falls_in_these_buckets() -> None:
    key = digest.path_key("models/Lora/x.safetensors")  # its SHA-256 begins with 1094 = 0001 0000 1001 0100
    assert {bits: digest.bucket_prefix(key, bits) for bits in (1, 4, 5, 8, 11, 12, 16)} == {
        1: "0", 4: "1", 5: "02", 8: "10", 11: "084", 12: "109", 16: "1094",
    }  # fmt: skip


@pytest.mark.parametrize("bits", [0, -1, 17])
def test_a_width_that_no_bucket_can_have_is_refused(bits: int) -> None:
    with pytest.raises(ValueError, match="bits must be 1 to 16"):
        digest.bucket_prefix(0, bits)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), digests), max_size=20), st.integers(1, 16))
def test_buckets_add_up_to_the_inventory(keyed: list[tuple[int, int]], bits: int) -> None:
    buckets = digest.bucket_digests(keyed, bits)
    assert set(buckets) == {digest.bucket_prefix(key, bits) for key, _ in keyed}
    assert digest.add(*map(digest.from_hex, buckets.values())) == digest.add(*(value for _, value in keyed))

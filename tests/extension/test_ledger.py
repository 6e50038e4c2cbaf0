from hypothesis import given
from hypothesis import strategies as st
from quartermaster.extension.ledger import Ledger
from quartermaster.hub_client.digest import EMPTY_DIGEST, bucket_digests, bucket_prefix, path_key, to_hex

NAMES = st.sampled_from([f"models/{n}.safetensors" for n in range(12)])
DIGESTS = st.integers(0, 2**64 - 1)


def test_an_empty_ledger_has_the_empty_digest() -> None:
    assert Ledger().state() == (EMPTY_DIGEST, 0)


@given(st.lists(st.tuples(NAMES, st.none() | DIGESTS)))
def test_digest_count_and_buckets_are_those_of_what_it_holds(steps: list[tuple[str, int | None]]) -> None:
    ledger, held = Ledger(), {}
    for name, digest in steps:
        if digest is None:
            ledger.drop(name)
            held.pop(name, None)
        else:
            ledger.put(name, digest)
            held[name] = digest
    assert ledger.state() == (to_hex(sum(held.values()) % 2**64), len(held))
    assert ledger.buckets(8) == bucket_digests([(path_key(name), digest) for name, digest in held.items()], 8)
    some = [name for name in held if "1" in name]
    assert ledger.sum_of([*some, "never there"]) == sum(held[name] for name in some) % 2**64
    prefixes = {bucket_prefix(path_key(name), 8) for name in held} | {"00"}
    listed = ledger.in_buckets(prefixes, 8)
    assert set(listed) == prefixes
    assert sorted(name for names in listed.values() for name in names) == sorted(held)


def test_what_changed_is_dirty_once() -> None:
    calls = []
    ledger = Ledger(lambda: calls.append(1))
    ledger.put("a", 1)
    ledger.put("a", 1)
    ledger.drop("never there")
    assert len(calls) == 1
    assert ledger.take_dirty() == ({"a"}, to_hex(1), 1)
    assert ledger.dirty_count() == 0
    ledger.drop("a")
    assert ledger.take_dirty()[0] == {"a"}


def test_what_could_not_be_told_is_dirty_again() -> None:
    ledger = Ledger()
    ledger.put("a", 1)
    dirty, _, _ = ledger.take_dirty()
    ledger.put("b", 2)
    ledger.give_back(dirty)
    assert ledger.take_dirty()[0] == {"a", "b"}

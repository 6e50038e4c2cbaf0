"""safe_pickle: a hash entry comes out, nothing is ever run."""

import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quartermaster.extension.claims.safe_pickle import MAX_PICKLE_BYTES, ForbiddenPickleError, load_flat_dict

ENTRY = {"mtime": 1700000000.25, "sha256": "ab" * 32}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_an_entry_of_any_web_ui_python_is_read(protocol: int) -> None:
    assert load_flat_dict(pickle.dumps(ENTRY, protocol=protocol)) == ENTRY


@pytest.mark.parametrize("value", [None, True, 7, -5, 1 << 40, 0.5, "text"])
def test_scalars_are_read(value: object) -> None:
    assert load_flat_dict(pickle.dumps({"mtime": value}, protocol=5)) == {"mtime": value}


class Canary:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_hostile_pickle_never_runs(tmp_path: Path, protocol: int, wrapped: bool) -> None:
    canary = Canary(tmp_path / "sang")
    data = pickle.dumps({"mtime": 1.0, "sha256": canary} if wrapped else canary, protocol=protocol)
    with pytest.raises(ForbiddenPickleError):
        load_flat_dict(data)
    assert not canary.path.exists()
    pickle.loads(data)  # noqa: S301 (made here, to show that this canary can sing)
    assert canary.path.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02}r\xff\xff\xff\x7f.",  # a memo slot of 16 GB
        b"\x80\x02}p2000000000\n.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",  # bytes of 8 EB
        b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x80\x02})" + b"2\x86" * 100 + b"K\x01s.",  # a key whose hash takes 2**100 steps
        b"\x80\x02}}K\x01s.",  # a dict as a key
        b"\x80\x02}\x8c\x01ah\x05s.",  # an empty memo slot
        b"\x80\x02K\x01.",
        b"\x80\x02].",
        b"\x80\x02}",
        b"\x80\x02.",
        b"\x80\x09}.",
        b"\x80\x02}Pid\n.",
        b"\x80\x02}Q.",
        b"\x80\x02}\x82\x01.",
        b"\x80\x02}X\xff\xff\xff\xffab.",
        b"\x80\x02}X\x01\x00\x00\x00\xffK\x01s.",
        b"",
        pickle.dumps({"mtime": [1]}, protocol=5),
        pickle.dumps({"mtime": {"a": {}}, "b": (1,)}, protocol=5),
        pickle.dumps({"sha256": "a" * MAX_PICKLE_BYTES}, protocol=5),
    ],
)
def test_bombs_and_rubbish_are_refused(data: bytes) -> None:
    with pytest.raises(ForbiddenPickleError):
        load_flat_dict(data)


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: b"\x80\x04}" + tail + b"."))
def test_any_bytes_give_a_dict_or_the_error(data: bytes) -> None:
    try:
        loaded = load_flat_dict(data)
    except ForbiddenPickleError:
        return
    assert isinstance(loaded, dict)

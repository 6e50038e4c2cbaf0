import json
import os
from pathlib import Path

import pytest
import requests
from quartermaster.hub_client import Credentials, CredentialsError, find_credentials, read_key_file
from quartermaster.hub_client.credentials import KeyHeaders

KEY, SECRET = "qm_key_1", "hunter2hunter2"
ENVIRON = {"QUARTERMASTER_API_KEY": KEY, "QUARTERMASTER_API_SECRET": SECRET}


def key_file(folder: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "key.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def test_a_repr_shows_neither_key_nor_secret() -> None:
    shown = repr(Credentials(KEY, SECRET)) + str(Credentials(KEY, SECRET)) + f"{[Credentials(KEY, SECRET)]}"
    assert KEY not in shown
    assert SECRET not in shown


@pytest.mark.parametrize("bad", ["", "two words", "line\nbreak", "ümlaut", "nul\0", "X\r\nX-Evil: 1"])
def test_what_cannot_stand_in_a_header_is_refused_and_not_repeated(bad: str) -> None:
    for key, secret in ((bad, SECRET), (KEY, bad)):
        with pytest.raises(CredentialsError) as caught:
            Credentials(key, secret)
        assert SECRET not in str(caught.value)
        assert not bad or bad not in str(caught.value)


def test_the_environment_has_the_key() -> None:
    assert find_credentials(None, ENVIRON) == Credentials(KEY, SECRET)
    assert find_credentials(None, {name: f" {value}\n" for name, value in ENVIRON.items()}) == Credentials(KEY, SECRET)


def test_no_key_at_all_is_no_error() -> None:
    assert find_credentials(None, {}) is None


@pytest.mark.parametrize("missing", sorted(ENVIRON))
def test_half_a_key_names_the_half_that_is_missing(missing: str) -> None:
    with pytest.raises(CredentialsError, match=f"{missing} is not"):
        find_credentials(None, {name: value for name, value in ENVIRON.items() if name != missing})


def test_a_key_file_wins_over_the_environment(tmp_path: Path) -> None:
    path = key_file(tmp_path, json.dumps({"key": "of-the-file", "secret": "s", "name": "attic"}))
    assert find_credentials(path, ENVIRON) == Credentials("of-the-file", "s")


if os.name == "posix":  # elsewhere a file has no such mode

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o601])
    def test_a_key_file_that_others_may_open_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
        path = key_file(tmp_path, json.dumps({"key": KEY, "secret": SECRET}), mode)
        with pytest.raises(CredentialsError, match=r"chmod 600 '.*key\.json'") as caught:
            read_key_file(path)
        assert SECRET not in str(caught.value)

    def test_a_stricter_mode_is_fine(tmp_path: Path) -> None:
        path = key_file(tmp_path, json.dumps({"key": KEY, "secret": SECRET}), 0o400)
        assert read_key_file(path) == Credentials(KEY, SECRET)


@pytest.mark.parametrize(
    "content",
    [
        "", SECRET, "[]", '"x"', "{}", '{"key": "k"}', '{"key": 1, "secret": "hunter2hunter2"}',
        b"\xff\xfehunter2hunter2", '{"key": "k", "secret": null}',
        "[" * 10_000, '{"key": "k", "secret": "' + "s" * 20_000 + '"}',
    ],
    ids=range(11),
)  # fmt: skip
def test_a_file_that_is_no_key_file_is_named_and_its_content_is_not(tmp_path: Path, content: str | bytes) -> None:
    path = key_file(tmp_path, content)
    with pytest.raises(CredentialsError) as caught:
        read_key_file(path)
    assert str(path) in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="nowhere"):
        read_key_file(tmp_path / "nowhere.json")
    with pytest.raises(CredentialsError, match="cannot be read"):
        read_key_file(tmp_path)


def test_the_key_travels_in_its_headers() -> None:
    request = requests.Request("GET", "http://attic", auth=KeyHeaders(Credentials(KEY, SECRET))).prepare()
    assert (request.headers["X-API-Key"], request.headers["X-API-Secret"]) == (KEY, SECRET)
    assert "Authorization" not in request.headers


def test_without_a_key_nothing_is_added() -> None:
    request = requests.Request("GET", "http://attic", auth=KeyHeaders(None)).prepare()
    assert not {name for name in request.headers if name.lower().startswith(("x-api", "authorization"))}

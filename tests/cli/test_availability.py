import json
import socket
from typing import Any

import pytest
import responses
from quartermaster.cli.main import main
from quartermaster.hub_client import DEFAULT_HUB_ADDRESS

HUB = "http://attic.example:7807"
BATCH = f"{HUB}/api/v1/models/availability"
SHA = "ab" * 32
SERVERS = [
    {"server_id": "attic", "state": "present", "path": "a/x.safetensors", "paths": ["a/x.safetensors", "b/x"]},
    {"server_id": "cellar", "state": "offline", "path": "x.safetensors", "last_seen": "2026-11-21T03:00:00Z"},
]
AVAILABLE = {
    "success": True,
    "status": "available",
    "model": {"name": "Some LoRA"},
    "servers": SERVERS,
    "candidates": [],
}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERMASTER_API_KEY", "qm_key_1")
    monkeypatch.setenv("QUARTERMASTER_API_SECRET", "hunter2hunter2")
    monkeypatch.setenv("QUARTERMASTER_HUB", HUB)


def answer_with(results: dict[str, dict[str, Any]]) -> None:
    responses.post(BATCH, json={"success": True, "results": results})


@responses.activate
def test_a_model_that_a_server_has_is_told_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    answer_with({SHA: AVAILABLE})
    assert main(["availability", SHA.upper()]) == 0
    assert capsys.readouterr().out == (
        f"{SHA.upper()}  Some LoRA  available  attic: a/x.safetensors, b/x  cellar (offline): x.safetensors\n"
    )


@responses.activate
def test_json_is_the_hubs_own_answer_with_the_hash_as_given(capsys: pytest.CaptureFixture[str]) -> None:
    newer = {**AVAILABLE, "rank": 3, "model": {"name": "Größe"}}
    answer_with({SHA: newer, "0123456789": {"status": "unknown"}})
    assert main(["availability", "--json", SHA.upper(), "0123456789"]) == 1
    out = capsys.readouterr().out
    assert out.isascii()
    assert [json.loads(line) for line in out.splitlines()] == [
        {**newer, "hash": SHA.upper()},
        {"status": "unknown", "hash": "0123456789"},
    ]


@responses.activate
@pytest.mark.parametrize("status", ["stale", "offline", "downloadable", "unavailable", "ambiguous", "unknown"])
def test_any_other_status_than_available_is_a_no(status: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer_with({SHA: AVAILABLE, "0123456789": {"status": status}})
    assert main(["availability", "0123456789", SHA]) == 1
    assert capsys.readouterr().out.splitlines()[0] == f"0123456789  -  {status}"


@responses.activate
def test_the_candidates_of_an_ambiguous_hash_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    candidates = [{"sha256": "ab" * 32}, {"name": "only a name"}]
    answer_with({"abababababab": {"status": "ambiguous", "candidates": candidates}})
    assert main(["availability", "abababababab"]) == 1
    assert capsys.readouterr().out == f"abababababab  -  ambiguous  may be {SHA}, only a name\n"


@responses.activate
def test_of_many_candidates_the_first_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    answer_with({"0" * 10: {"status": "ambiguous", "candidates": [{"name": f"m{n}"} for n in range(7)]}})
    assert main(["availability", "0" * 10]) == 1
    assert capsys.readouterr().out.endswith("may be m0, m1, m2, m3, m4 and 2 more\n")


@responses.activate
def test_a_hostile_path_stays_on_its_line_and_off_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    server = {"server_id": "attic", "state": "present", "path": "x\n0123456789  -  available\x1b[2J"}
    answer_with({SHA: {**AVAILABLE, "servers": [server]}})
    assert main(["availability", SHA]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "\x1b" not in out


@responses.activate
@pytest.mark.parametrize("text", ["nonsense", "0" * 11, "../keys", "١" * 10])
def test_a_malformed_hash_is_wrong_use_and_nothing_is_asked(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["availability", SHA, text]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no model hash" in captured.err
    assert len(responses.calls) == 0


@responses.activate
def test_a_key_that_the_hub_does_not_know_is_wrong_use_and_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    words = {"success": False, "error": "unauthorized", "message": "unknown key qm_key_1", "details": {}}
    responses.post(BATCH, json=words, status=401)
    assert main(["availability", SHA]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "QUARTERMASTER_API_KEY" in captured.err
    assert "qm_key_1" not in captured.err


def test_a_hub_that_is_not_there_is_unreachable(capsys: pytest.CaptureFixture[str]) -> None:
    """A port of loopback that this test holds, and nothing listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{held.getsockname()[1]}"
        assert main(["availability", SHA, "--hub", address]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert address in captured.err


@responses.activate
def test_without_any_setting_the_hub_of_this_machine_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QUARTERMASTER_API_KEY", "QUARTERMASTER_API_SECRET", "QUARTERMASTER_HUB"):
        monkeypatch.delenv(name)
    url = f"{DEFAULT_HUB_ADDRESS}/api/v1/models/availability"
    responses.post(url, json={"success": True, "results": {SHA: AVAILABLE}})
    assert main(["availability", SHA]) == 0


def test_help_tells_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["availability", "--help"])
    assert caught.value.code == 0
    assert "3  the hub could not be reached" in capsys.readouterr().out


@responses.activate
def test_a_name_is_asked_for_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Any] = []

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        asked.extend(json.loads(request.body)["questions"])
        unknown = {"asked": "nobody", "status": "unknown", "servers": [], "candidates": []}
        return 200, {}, json.dumps({"success": True, "results": [{"asked": "Pony\\x", **AVAILABLE}, unknown]})

    responses.add_callback("POST", f"{HUB}/api/v1/models/find", answer)
    assert main(["availability", "--by-name", "Pony\\x", "nobody"]) == 1
    assert asked == ["Pony\\x", "nobody"]
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Pony\\x  Some LoRA  available  attic: a/x.safetensors")
    assert second == "nobody  -  unknown"
    assert main(["availability", "--by-name", "--json", "Pony\\x", "nobody"]) == 1
    assert [json.loads(line)["asked"] for line in capsys.readouterr().out.splitlines()] == ["Pony\\x", "nobody"]

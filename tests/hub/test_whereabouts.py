from pathlib import Path

import pytest
from quartermaster.hub.whereabouts import NOTE_FILE, Whereabouts, note, whereabouts


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("0.0.0.0", Whereabouts("http://box:1234", noted=True)),  # noqa: S104 (noted, not bound)
        ("::", Whereabouts("http://box:1234", noted=True)),
        ("192.168.1.7", Whereabouts("http://192.168.1.7:1234", noted=True)),
        ("2001:db8::7", Whereabouts("http://[2001:db8::7]:1234", noted=True)),
        ("hub.lan", Whereabouts("http://hub.lan:1234", noted=True)),
        ("127.0.0.1", Whereabouts("http://127.0.0.1:1234", only_here=True, noted=True)),
        ("::1", Whereabouts("http://[::1]:1234", only_here=True, noted=True)),
        ("localhost", Whereabouts("http://localhost:1234", only_here=True, noted=True)),
    ],
)
def test_what_a_hub_noted_is_told_as_others_reach_it(tmp_path: Path, host: str, expected: Whereabouts) -> None:
    note(tmp_path / "hub", host, 1234)
    assert whereabouts(tmp_path / "hub", "box") == expected


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", '{"host": 5, "port": 1}', '{"host": "x", "port": "1"}'])
def test_without_a_note_that_can_be_read_the_default_is_a_guess(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / NOTE_FILE).write_text(content, encoding="utf-8")
    assert whereabouts(tmp_path, "box") == Whereabouts("http://box:7807")


def test_a_folder_that_cannot_be_written_costs_only_the_hint(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    note(tmp_path / "file", "192.168.1.7", 1)
    assert "cannot note" in caplog.text

from quartermaster.cli.output import printable


def test_a_hostile_name_cannot_drive_the_terminal() -> None:
    assert printable("a\x1b[2Jb\u202e") == "a\\x1b[2Jb\\u202e"


def test_plain_text_stays() -> None:
    assert printable("Größe 3 — ✓") == "Größe 3 — ✓"

"""``hub backup``, ``hub restore`` and ``hub migrate`` as a person types them."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from quartermaster.cli.main import main
from quartermaster.hub.migrating import newest_revision
from quartermaster.hub.running import RunningHub
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.cli.processes import Home
from quartermaster.tests.hub.old_hubs import leave_old_database


@pytest.fixture(autouse=True)
def sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUARTERMASTER_DATABASE_URL", raising=False)


def hub(capsys: pytest.CaptureFixture[str], data: Path, *arguments: str, code: int = 0) -> Any:
    """Run a command with ``--json`` and return what it printed."""
    capsys.readouterr()
    assert main(["hub", *arguments, "--data", str(data), "--json"]) == code
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_hub_that_runs_is_backed_up_and_is_stopped_for_a_restore(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = tmp_path / "hub"
    with RunningHub(HubSettings(data)):
        hub(capsys, data, "key", "create", "--name", "first", "--scope", "client")
        (made,) = hub(capsys, data, "backup")
        assert set(made) == {"file", "size", "migration"} and Path(made["file"]).stat().st_size == made["size"]
        hub(capsys, data, "key", "create", "--name", "second", "--scope", "client")
        assert main(["hub", "restore", made["file"], "--data", str(data)]) == 2
        assert "stop it first" in capsys.readouterr().err
    (done,) = hub(capsys, data, "restore", made["file"])
    assert (done["restored"], done["migration"], done["missing"]) == (made["file"], newest_revision(), [])
    assert [key["name"] for key in hub(capsys, data, "key", "list")] == ["first"]
    assert main(["hub", "restore", done["undo"], "--data", str(data)]) == 0
    shown = capsys.readouterr()
    assert done["undo"] in shown.out and "To undo: " in shown.err and f"--data {data}" in shown.err
    assert [key["name"] for key in hub(capsys, data, "key", "list")] == ["first", "second"]


def test_a_backup_goes_where_a_person_wants_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    hub(capsys, tmp_path, "migrate")
    target = tmp_path / "mine"
    assert main(["hub", "backup", "--to", str(target), "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith(f"{target}  (")
    assert main(["hub", "backup", "--to", str(target), "--data", str(tmp_path)]) == 2
    assert "another name" in capsys.readouterr().err


def test_where_no_hub_has_been_there_is_nothing_to_back_up(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["hub", "backup", "--data", str(tmp_path / "none")]) == 1
    assert "no hub's database yet" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_check_says_what_would_run_and_changes_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = tmp_path / "hub"
    (found,) = hub(capsys, data, "migrate", "--check", code=1)
    assert (found["migration"], set(found["missing"][0])) == (None, {"migration", "meaning"})
    assert found["missing"][0]["meaning"].startswith("The first tables")
    assert not data.exists()
    leave_old_database(HubSettings(data))
    (found,) = hub(capsys, data, "migrate", "--check", code=1)
    assert found["migration"] == "0001"
    assert found["missing"][0]["migration"] == "0002"
    assert found["missing"][-1]["migration"] == newest_revision()
    assert main(["hub", "migrate", "--check", "--data", str(data)]) == 1
    assert "at migration 0001\nwould run 0002: " in capsys.readouterr().out
    (done,) = hub(capsys, data, "migrate")
    assert (done["from"], done["migration"]) == ("0001", newest_revision())
    assert Path(done["backup"]).name.endswith("-0001.sqlite")
    (found,) = hub(capsys, data, "migrate", "--check")
    assert found == {"migration": newest_revision(), "missing": []}
    assert main(["hub", "migrate", "--data", str(data)]) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_a_migration_tells_a_person_of_its_backup(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    leave_old_database(HubSettings(tmp_path))
    assert main(["hub", "migrate", "--data", str(tmp_path)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"backed up to {tmp_path / 'backups'}")
    assert second == f"migrated from 0001 to {newest_revision()}"


def test_a_restored_older_backup_says_that_it_will_be_migrated(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    leave_old_database(HubSettings(tmp_path))
    (done,) = hub(capsys, tmp_path, "migrate")
    assert main(["hub", "restore", done["backup"], "--data", str(tmp_path)]) == 0
    assert "The next start of a hub migrates it (0002, " in capsys.readouterr().err


def test_up_and_serve_can_go_on_without_a_backup(home: Home, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    for action in (["hub", "serve", "--port", "0"], ["up", "--port", "0", "--json", "--models", str(tmp_path / "m")]):
        data = tmp_path / action[0]
        folder = data if action[0] == "hub" else data / "hub"
        leave_old_database(HubSettings(folder))
        with home.started(*action, "--no-backup", "--data", str(data)) as running:
            running.line_with("http://")
            running.stop()
        assert not (folder / "backups").exists()


@pytest.mark.parametrize(
    "arguments", [["hub", "restore"], ["hub", "restore", ""], ["hub", "backup", "--to", ""], ["hub", "backup", "x"]]
)
def test_wrong_use_is_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_a_newer_database_is_said_by_a_check_too(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    leave_old_database(HubSettings(tmp_path))

    with closing(sqlite3.connect(tmp_path / "hub.sqlite")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert main(["hub", "migrate", "--check", "--data", str(tmp_path)]) == 2
    assert "newer Quartermaster (migration 9999)" in capsys.readouterr().err

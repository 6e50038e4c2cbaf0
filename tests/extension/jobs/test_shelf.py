"""Results that wait for the hub, as kills and odd files leave them."""

import os
import uuid
from pathlib import Path

import pytest
from quartermaster.extension.jobs.engine import Image
from quartermaster.extension.jobs.shelf import KeptResult, Shelf
from quartermaster.tests.fakes.images import png

JOB = str(uuid.UUID(int=7))


def put(shelf: Shelf, job_id: str = JOB) -> KeptResult:
    images = [Image(png(), "image/png", "Steps: 1"), Image(png(), "image/png", "Steps: 2, Ünïcode")]
    return shelf.put(job_id, "lease", images, seconds=1.5, loaded="ab" * 32, made_at=5.0)


def test_what_is_put_away_is_found_by_the_next_agent_and_by_nobody_else(tmp_path: Path) -> None:
    kept = put(Shelf(tmp_path / "jobs"))
    [found] = Shelf(tmp_path / "jobs").results()
    assert found == kept
    assert Shelf(tmp_path / "jobs").content(found, found.images[1]) == png()
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.rglob("*")) or os.name != "posix"
    Shelf(tmp_path / "jobs").drop(JOB)
    assert list(Shelf(tmp_path / "jobs").results()) == []


@pytest.mark.parametrize("odd", ["not whole", "no json", "another's", "a path"])
def test_what_is_no_whole_result_is_none(tmp_path: Path, odd: str) -> None:
    shelf = Shelf(tmp_path / "jobs")
    put(shelf)
    result = tmp_path / "jobs" / JOB / "result.json"
    if odd == "not whole":
        result.unlink()
    else:
        text = {"no json": "{", "another's": result.read_text().replace(JOB, str(uuid.UUID(int=8)))}
        result.write_text(text.get(odd, result.read_text().replace("0.image", "../../secret")))
    assert list(shelf.results()) == []
    assert not (tmp_path / "jobs" / JOB).exists()


def test_an_image_that_changed_on_the_disk_is_not_handed_over(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "jobs")
    kept = put(shelf)
    (tmp_path / "jobs" / JOB / "0.image").write_bytes(b"other")
    with pytest.raises(OSError, match="not what was put away"):
        shelf.content(kept, kept.images[0])


@pytest.mark.parametrize("job_id", ["..", "../../x", "", "x" * 36])
def test_no_job_id_leads_out_of_the_folder(tmp_path: Path, job_id: str) -> None:
    with pytest.raises(OSError, match="no job's id"):
        put(Shelf(tmp_path / "jobs"), job_id)
    assert not (tmp_path / "jobs").exists()


def test_the_run_under_way_is_noted(tmp_path: Path) -> None:
    shelf, task = Shelf(tmp_path / "jobs"), f"qm-{uuid.uuid4().hex}"
    assert shelf.left_run() is None
    shelf.note_run(task)
    assert (shelf.left_run(), list(shelf.results())) == (task, [])
    shelf.note_run(None)
    assert shelf.left_run() is None

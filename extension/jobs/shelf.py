"""Results that the hub does not have yet, in this agent's private data folder: an agent that is killed loses none.

One folder per job: the images, then ``result.json``, written last and in one step. A folder without it is a result that
was not put away whole, and is none.
"""

import json
import logging
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..paths import PRIVATE_FILE_MODE, make_private, write_private
from .engine import Image
from .pictures import MAX_IMAGE_BYTES

log = logging.getLogger(__name__)

_RESULT = "result.json"
_RUN = "run"
_TASK_ID = re.compile(r"qm-[0-9a-f]{32}")
_JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MAX_RESULT_BYTES = 64 << 20


@dataclass(frozen=True)
class Kept:
    """One image of a result: its number, its file's name in the folder, its SHA-256, type and infotext."""

    n: int
    file: str
    sha256: str
    content_type: str
    infotext: str


@dataclass(frozen=True)
class KeptResult:
    """A result that is to be handed over with this lease. ``seconds`` is how long the run took."""

    job_id: str
    lease: str
    seconds: float
    loaded: str | None
    made_at: float
    images: tuple[Kept, ...]


class Shelf:
    """The folder of one agent's results."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; it is made when it is needed."""
        self._folder = folder

    def put(
        self, job_id: str, lease: str, images: Sequence[Image], *, seconds: float, loaded: str | None, made_at: float
    ) -> KeptResult:
        """Put a result away.

        Raises:
            OSError: it cannot be written; nothing is left of it.
        """
        place = self._place(job_id)
        shutil.rmtree(place, ignore_errors=True)
        try:
            make_private(self._folder)
            make_private(place)
            kept = []
            for n, image in enumerate(images):
                _write(place / f"{n}.image", image.content)
                digest = sha256(image.content).hexdigest()
                kept.append(Kept(n, f"{n}.image", digest, image.content_type, image.infotext))
            result = KeptResult(job_id, lease, seconds, loaded, made_at, tuple(kept))
            write_private(place / _RESULT, json.dumps(asdict(result)))
        except OSError:
            shutil.rmtree(place, ignore_errors=True)
            raise
        return result

    def content(self, result: KeptResult, image: Kept) -> bytes:
        """Return an image's bytes.

        Raises:
            OSError: they are not there any more, or are others.
        """
        with open(self._place(result.job_id) / image.file, "rb") as file:
            content = file.read(MAX_IMAGE_BYTES + 1)
        if sha256(content).hexdigest() != image.sha256:
            raise OSError(f"{image.file} is not what was put away")
        return content

    def drop(self, job_id: str) -> None:
        """Forget a result."""
        shutil.rmtree(self._place(job_id), ignore_errors=True)

    def results(self) -> Iterator[KeptResult]:
        """Yield what is kept; what was not put away whole is deleted."""
        if not self._folder.is_dir():
            return
        for place in sorted(each for each in self._folder.iterdir() if each.name != _RUN):
            result = _read(place) if _JOB_ID.fullmatch(place.name) else None
            if result is not None and result.job_id == place.name:
                yield result
            elif place.is_dir():
                shutil.rmtree(place, ignore_errors=True)

    def note_run(self, task_id: str | None) -> None:
        """Note which run is under way in the web UI, where a killed agent leaves it; None: none is."""
        note = self._folder / _RUN
        try:
            if task_id is None:
                note.unlink(missing_ok=True)
            else:
                make_private(self._folder)
                write_private(note, task_id)
        except OSError as error:
            log.debug("The run could not be noted: %s", error)

    def left_run(self) -> str | None:
        """Return the run that an earlier agent left in the web UI."""
        try:
            task_id = (self._folder / _RUN).read_text(encoding="ascii")
        except (OSError, ValueError):
            return None
        return task_id if _TASK_ID.fullmatch(task_id) else None

    def _place(self, job_id: str) -> Path:
        if not _JOB_ID.fullmatch(job_id):
            raise OSError(f"{job_id[:60]!r} is no job's id")
        return self._folder / job_id


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE_MODE), "wb") as file:
        file.write(content)


def _read(place: Path) -> KeptResult | None:
    try:
        with open(place / _RESULT, "rb") as file:
            raw: dict[str, Any] = json.loads(file.read(_MAX_RESULT_BYTES))
        images = tuple(Kept(**image) for image in raw.pop("images"))
        result = KeptResult(**raw, images=images)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    whole = all(image.file == f"{image.n}.image" for image in images)
    return result if whole else None

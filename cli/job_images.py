"""``quartermaster job watch`` and ``images``: a job followed to its end, and what came of it saved."""

import argparse
import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..extension.paths import file_name
from ..hub_client import COMPLETED, IMAGE_TYPES, HubClient
from .job_words import standing, warning_lines
from .output import DONE, NO, WRONG_USE, CommandError, command_line, emit, say, tell
from .progress import RenewedLine

PATIENCE_SECONDS = 300.0
"""How long a hub may be away before a command that watches gives up: it may be restarting."""


def configure_saving(parser: argparse.ArgumentParser) -> None:
    """Add the option that saves images."""
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="save the images in this folder")


def configure_watching(parser: argparse.ArgumentParser) -> None:
    """Add the options of a command that follows a job."""
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="save the images in this folder at the end")


def watch(arguments: argparse.Namespace, hub: HubClient) -> int:
    """Follow a job to its end, and return how it ended: 0 completed, 1 failed or cancelled."""
    return follow(arguments.job, arguments, hub)


def follow(job_id: str, arguments: argparse.Namespace, hub: HubClient) -> int:
    """Show a job until it has ended, and save its images if that is asked for."""
    line, job = RenewedLine(), None
    try:
        for job in hub.jobs.watch(job_id, patience_seconds=PATIENCE_SECONDS):
            if arguments.json:
                emit(job.wire)
            elif not job.has_ended and (job.state != "processing" or line.is_due()):
                line.write(standing(job))
    except KeyboardInterrupt:
        line.leave()
        say(f"The job goes on without you. To end it: {command_line('job', 'cancel', job_id)}")
        raise
    line.leave()
    assert job is not None
    if not arguments.json:
        tell(f"{job.id}  {standing(job)}")
        for warning in warning_lines(job.warnings):
            say(warning)
    if job.state != COMPLETED:
        return NO
    return DONE if arguments.save is None else save_all(hub, job.id, job.images, arguments.save)


def images(arguments: argparse.Namespace, hub: HubClient) -> int:
    """List the images of a job, or save them; a job without any is a no."""
    found = hub.jobs.images(arguments.job)
    if arguments.json:
        for image in found:
            emit(image)
    if not found:
        say(f"no images: {standing(hub.jobs.get(arguments.job))}")
        return NO
    if arguments.save is not None:
        return save_all(hub, arguments.job, found, arguments.save)
    for image in () if arguments.json else found:
        gone = f"  deleted {image['deleted_at']}" if image.get("deleted_at") else ""
        tell(f"{image['n']}  {image.get('content_type')}  {image.get('size_bytes')} bytes{gone}")
        for text in str(image.get("infotext") or "").splitlines():
            tell(f"   {text}")
    return DONE


def save_all(hub: HubClient, job_id: str, listed: tuple[Mapping[str, Any], ...], folder: Path) -> int:
    """Save a job's images in a folder, each once, and print where; one that the hub deleted is a no.

    Raises:
        CommandError: the folder cannot be written, or has another file of such a name.
    """
    code = DONE
    for image in listed:
        if image.get("deleted_at"):
            say(f"image {image['n']} was deleted from the hub at {image['deleted_at']}, to save room")
            code = NO
            continue
        content = hub.jobs.image(job_id, image["n"])
        name = f"{file_name(job_id)}-{image['n']}.{IMAGE_TYPES[content.media_type]}"
        _write(folder / name, content.data)
        say(f"saved {folder / name}")
    return code


def _write(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all; one that is there stays."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            if hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(content).digest():
                return
            raise CommandError(f"{path} exists and is another file: move it away, or name another folder", WRONG_USE)
        handle, name = tempfile.mkstemp(prefix=".quartermaster-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(name, 0o666 & ~_umask())
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror or error}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

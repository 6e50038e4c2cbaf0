"""``quartermaster job submit`` and ``check``: what is to be made, from an image, an infotext, a request, or options."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ..ecosystems.infotext import INFOTEXT, WORKFLOW, ImageError, InfotextError, parse_image
from ..hub_client import HubClient, Submission, model_hash
from . import job_arguments as read
from . import job_images
from .job_words import able_lines, counted, requirement_lines, warning_lines
from .output import DONE, NO, CommandError, emit, say, tell

MAX_FILE_BYTES = 64 * 1024 * 1024
_WHOLE = frozenset({"target_server_alias", "generation_params", "payload", "infotext", "generation_info_raw"})
"""A file with any of these is a whole submission already."""

_SETTINGS = {"model_hash": "sd_checkpoint_hash", "checkpoint_name": "sd_model_checkpoint"}
"""What says which checkpoint, to StableQueue -> to a web UI."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is to be made."""
    what = parser.add_argument_group("what to make (options change what an image, infotext or request says)")
    source = what.add_mutually_exclusive_group()
    source.add_argument("--from-image", type=Path, metavar="IMAGE", help="what this image was made with")
    source.add_argument("--infotext", metavar="FILE", help="what this text says, as a web UI writes it; - for stdin")
    source.add_argument("--payload", metavar="FILE", help="a request of /sdapi/v1/txt2img or img2img; - for stdin")
    what.add_argument("--prompt", metavar="TEXT", help="the prompt, LoRAs as <lora:name:1>")
    what.add_argument("--negative", metavar="TEXT", help="the negative prompt")
    what.add_argument("--checkpoint", metavar="NAME|HASH", help="by name or path, or AutoV2, AutoV3 or SHA-256")
    what.add_argument("--seed", type=read.integer, metavar="N", help="-1: any")
    what.add_argument("--steps", type=read.integer, metavar="N", help="sampling steps")
    what.add_argument("--cfg", type=read.number, metavar="X", help="the CFG scale")
    what.add_argument("--sampler", metavar="NAME", help="such as Euler a")
    what.add_argument("--size", type=read.size, metavar="WIDTHxHEIGHT", help="such as 832x1216")
    where = parser.add_argument_group("where")
    where.add_argument("--server", metavar="NAME", help="only this server may (default: any that has the models)")
    parser.set_defaults(prepare=prepare)


def configure_queueing(parser: argparse.ArgumentParser) -> None:
    """Add the options that only queueing has."""
    how = parser.add_argument_group("how")
    how.add_argument("--quantity", type=read.quantity, default=1, metavar="N", help="so many jobs at once")
    how.add_argument(
        "--seeds",
        choices=("random", "increment", "fixed"),
        help="how the seeds of several differ (default: increment from --seed; random without it)",
    )
    how.add_argument("--priority", type=read.priority, metavar="N", help="-10 to 10; more is sooner")
    how.add_argument("--watch", action="store_true", help="follow the jobs to their end, one after the other")
    job_images.configure_watching(parser)


def prepare(arguments: argparse.Namespace) -> None:
    """Work out the body of the request, before a hub is asked.

    Raises:
        CommandError: a file cannot be used, or nothing says what to make.
    """
    if getattr(arguments, "save", None) is not None and not arguments.watch:
        raise CommandError("--save goes with --watch: images are there once the job is completed")
    arguments.body = body_of(arguments)


def body_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what is asked for, as the hub takes it.

    Raises:
        CommandError: as ``prepare``.
    """
    if arguments.payload is not None:
        body = _with_request(_request(arguments.payload), arguments)
    else:
        stated: dict[str, Any] = _options(arguments, "positive_prompt")
        text = _infotext(arguments)
        if text is not None:
            stated["raw_generation_info"] = text
        elif arguments.prompt is None:
            raise CommandError(
                "say what to make: --from-image IMAGE, --infotext FILE, --payload FILE, or --prompt TEXT"
            )
        if arguments.checkpoint is not None:
            stated |= _checkpoint(arguments.checkpoint)
        body = {"generation_params": stated}
    if arguments.server is not None or "target_server_alias" not in body:
        body["target_server_alias"] = arguments.server or "any"
    if getattr(arguments, "priority", None) is not None:
        body["priority"] = arguments.priority
    return {"source_info": "quartermaster job", **body}


def submit(arguments: argparse.Namespace, hub: HubClient) -> int:
    """Queue what is asked for, and say what that comes to."""
    body = arguments.body
    if arguments.quantity > 1:
        seeds = arguments.seeds or ("random" if arguments.seed is None else "increment")
        made = hub.jobs.bulk({**body, "bulk_quantity": arguments.quantity, "seed_variation": seeds})
    else:
        made = hub.jobs.submit(body)
    if arguments.json:
        emit(made.wire)
    else:
        for job_id in made.ids:
            tell(job_id)
        for line in _lines(made):
            say(line)
    if not arguments.watch:
        return DONE
    return max(job_images.follow(job_id, arguments, hub) for job_id in made.ids)


def check(arguments: argparse.Namespace, hub: HubClient) -> int:
    """Say what it would come to; whether a server could run it now is the exit code."""
    found = hub.jobs.check(arguments.body)
    if arguments.json:
        emit(found.wire)
    else:
        for line in _lines(found):
            tell(line)
    return DONE if any(server.get("taking") and server.get("state") == "present" for server in found.able) else NO


def _lines(found: Submission) -> list[str]:
    head = [f"{counted(len(found.ids), 'job')} queued"] if found.ids else []
    return [
        *head,
        *requirement_lines(found.requirements),
        *able_lines(found.able),
        *warning_lines(found.warnings),
    ]


def _options(arguments: argparse.Namespace, prompt: str) -> dict[str, Any]:
    """Return what options say of the request, the prompt under this name."""
    width, height = arguments.size or (None, None)
    stated = {
        prompt: arguments.prompt,
        "negative_prompt": arguments.negative,
        "seed": arguments.seed,
        "steps": arguments.steps,
        "cfg_scale": arguments.cfg,
        "sampler_name": arguments.sampler,
        "width": width,
        "height": height,
    }
    return {name: value for name, value in stated.items() if value is not None}


def _checkpoint(text: str) -> dict[str, str]:
    try:
        return {"model_hash": model_hash(text)}
    except ValueError:
        return {"checkpoint_name": text}


def _with_request(stated: dict[str, Any], arguments: argparse.Namespace) -> dict[str, Any]:
    """Return a submission around the request that a file holds, changed by the options; a whole one as it is."""
    options = _options(arguments, "prompt")
    if not _WHOLE.isdisjoint(stated):
        if options or arguments.checkpoint is not None:
            raise CommandError(f"{arguments.payload} holds a whole submission: say there what is to be different")
        return stated
    if arguments.checkpoint is None:
        return {"payload": {**stated, **options}}
    settings = stated.get("override_settings") or {}
    if not isinstance(settings, dict):
        raise CommandError(f"{arguments.payload}: override_settings must be an object")
    others = {name: value for name, value in settings.items() if name not in _SETTINGS.values()}
    named = _checkpoint(arguments.checkpoint)
    setting = {_SETTINGS[name]: value for name, value in named.items()}
    return {"payload": {**stated, **options, "override_settings": {**others, **setting}}}


def _infotext(arguments: argparse.Namespace) -> str | None:
    """Return the infotext that an image or a file holds, None where none is named."""
    if arguments.from_image is not None:
        return infotext_of(arguments.from_image)
    return None if arguments.infotext is None else _text(arguments.infotext)


def infotext_of(path: Path) -> str:
    """Return the infotext in an image.

    Raises:
        CommandError: it cannot be read, or has none.
    """
    try:
        with path.open("rb") as file:
            found = parse_image(file)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ImageError, InfotextError) as error:
        raise CommandError(f"{path}: {error}") from error
    if found.found == WORKFLOW:
        raise CommandError(f"{path} holds a ComfyUI workflow, which only ComfyUI can run: name an image of a web UI")
    if found.found != INFOTEXT:
        raise CommandError(
            f"{path} holds no infotext: the web UI did not save it, or a program that handled the image removed it"
        )
    return found.text


def _request(name: str) -> dict[str, Any]:
    try:
        value = json.loads(_text(name))
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{name} holds no JSON: {error}") from error
    if not isinstance(value, dict):
        raise CommandError(f"{name} must hold a JSON object: the body of a request to /sdapi/v1/txt2img or img2img")
    return value


def _text(name: str) -> str:
    """Return the text in a file, or of stdin for ``-``.

    Raises:
        CommandError: it cannot be read, is too long, or empty.
    """
    shown = "stdin" if name == "-" else name
    try:
        if name == "-":
            content = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise CommandError(f"{shown} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{shown} is not text in UTF-8 (byte {error.start})") from error
    if len(content) > MAX_FILE_BYTES:
        raise CommandError(f"{shown} is longer than {MAX_FILE_BYTES // 2**20} MiB")
    if not text.strip():
        raise CommandError(f"{shown} is empty")
    return text

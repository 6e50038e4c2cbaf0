"""``quartermaster identify FILE…``: what model files are, from their headers.

Exit codes: 0 when every file could be read, 1 when one could not or is damaged. Whether a file was recognised does not
matter: not knowing is an answer.
"""

import argparse
from typing import Any

from ..ecosystems.identify import identify_file, read_sidecars
from .output import DONE, NO, emit, tell

HELP = "say what model files are, from their headers"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="a model file; no tensor is ever loaded")
    parser.add_argument("--json", action="store_true", help="one JSON object per file, in the order of the arguments")
    parser.add_argument(
        "--no-sidecars", action="store_true", help="leave out what lies beside the file (.civitai.info…)"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Identify each file and print one line about it (more for a person); return 0, or 1 when one could not be read."""
    readable = True
    for path in arguments.files:
        found = identify_file(path, sidecars=() if arguments.no_sidecars else read_sidecars(path))
        readable = readable and found.error is None
        answer = {"path": path, **found.as_json()}
        if arguments.json:
            emit(answer)
        else:
            _show(answer)
    return DONE if readable else NO


def _show(answer: dict[str, Any]) -> None:
    parts = [answer["kind"] or "unknown kind", answer["ecosystem"] or "unknown ecosystem"]
    if answer["base_model"] not in {None, answer["ecosystem"]}:
        parts.append(answer["base_model"])
    parts.append(f"confidence {answer['confidence']:.2f}")
    tell(f"{answer['path']}: {', '.join(parts)}")
    for statement in answer["evidence"]:
        tell(f"  {statement['witness']}: {statement['says']}")
    for conflict in answer["conflicts"]:
        tell(f"  ! {conflict['witness']}: {conflict['says']}")

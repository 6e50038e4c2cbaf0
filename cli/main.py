"""The console script ``quartermaster``: finds the module of a command, lets it parse and run.

A command is a module of this room with ``HELP`` (one line), ``configure(parser)`` and ``execute(arguments) -> int``.
Only the module that is asked for is imported, so that ``quartermaster hash`` needs no hub's packages and starts at
once.
"""

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from .._version import VERSION
from .output import ABORTED, DONE, VERBOSE_HELP, WRONG_USE, CommandError, LogFormatter, add_verbose_argument, say

COMMANDS = {
    "up": "start a hub and an agent over a folder of models, in one go",
    "agent": "run the agent of one server: find, hash, watch and tell the hub",
    "hub": "run a hub, look after its keys and its data, pair web UIs with it",
    "status": "what the agent of this machine and its hub are doing",
    "scan": "list the model files below a folder",
    "hash": "print the hashes of files",
    "identify": "say what model files are, from their headers",
    "availability": "ask a hub which servers have a model",
    "job": "have images made where their models are: submit jobs, watch them, fetch what came of them",
    "correct": "say by hand what a model is, above whatever was found",
    "ecosystems": "the catalogue of base models: check it, query it, explain a verdict",
}
"""Command -> its line of help; the module has the command's name (``hash`` is ``hash_files``)."""

_MODULES = {"hash": "hash_files"}


def build_parser(command: str | None) -> argparse.ArgumentParser:
    """Return the parser; of the commands only the named one has its arguments (all of them for ``"*"``)."""
    parser = argparse.ArgumentParser(
        prog="quartermaster",
        description="Know which models every Stable Diffusion server has, and which of them work together.",
    )
    parser.add_argument("--version", action="version", version=f"quartermaster {VERSION}")
    parser.add_argument("-v", "--verbose", action="count", default=0, help=VERBOSE_HELP)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, line in COMMANDS.items():
        sub = commands.add_parser(name, help=line, description=line[0].upper() + line[1:] + ".")
        if command in {name, "*"}:
            module = importlib.import_module(f".{_MODULES.get(name, name)}", __package__)
            module.configure(sub)
            sub.set_defaults(execute=module.execute)
            add_verbose_argument(sub)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code (see ``output`` for what the codes mean)."""
    command = next((a for a in arguments if a in COMMANDS), None)
    try:
        options = build_parser(command).parse_args(arguments)
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(LogFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logging.basicConfig(
            level=[logging.WARNING, logging.INFO, logging.DEBUG][min(options.verbose, 2)], handlers=[handler]
        )
        code = options.execute(options)
    except CommandError as error:
        for line in f"quartermaster: {error}".splitlines():
            say(line)
        return error.exit_code
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("quartermaster"):
            raise
        say(
            f"quartermaster: this command needs the package {error.name!r}, which is not installed here. The hub's "
            "packages come with: python3 -m pip install '.[hub]' in Quartermaster's folder"
        )
        return WRONG_USE
    except KeyboardInterrupt:
        return ABORTED
    except BrokenPipeError:
        # The reader of our output went away (``… | head``): stay silent, and keep the interpreter silent at exit too.
        for stream in (sys.stdout, sys.stderr):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return DONE
    assert isinstance(code, int)
    return code


def run() -> None:
    """Run the console script and end the process with its exit code."""
    sys.exit(main(sys.argv[1:]))

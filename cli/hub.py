"""``quartermaster hub``: run a hub, and look after its keys and its data.

An action is a module ``hub_<action>`` of this room with ``configure(parser)`` and
``execute(settings, arguments) -> int``; the arguments that all of them have are in ``hub_options``.
"""

import argparse
from types import ModuleType

from ..extension.paths import hub_folder
from ..hub.errors import HubError, NotFoundError
from ..hub.settings import HubSettings
from . import (
    hub_audit,
    hub_backup,
    hub_enrich,
    hub_import_stablequeue,
    hub_keys,
    hub_login,
    hub_migrate,
    hub_pair,
    hub_restore,
    hub_serve,
)
from .folders import home_of
from .output import NO, WRONG_USE, CommandError

ACTIONS: dict[str, tuple[ModuleType, str]] = {
    "serve": (hub_serve, "run a hub until Ctrl-C"),
    "login": (hub_login, "print a one-time link to the hub's web page"),
    "audit": (hub_audit, "list what was changed, and by whom"),
    "key": (hub_keys, "make, list, rotate and revoke API keys"),
    "pair": (hub_pair, "print a one-time code that a web UI's Hub tab takes instead of a key"),
    "backup": (hub_backup, "copy the database to a file, while the hub runs or not"),
    "restore": (hub_restore, "put a backup in the place of the database"),
    "migrate": (hub_migrate, "bring the database to this version, after a backup"),
    "enrich": (hub_enrich, "look models up on Civitai, or say how far that is"),
    "import-stablequeue": (hub_import_stablequeue, "bring in the models, names and servers of a StableQueue"),
}
"""Action -> its module and its line of help."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (module, line) in ACTIONS.items():
        module.configure(actions.add_parser(name, help=line, description=line[0].upper() + line[1:] + "."))


def execute(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    try:
        home = home_of(arguments)
        settings = HubSettings.from_environment(home if arguments.data else hub_folder(home))
        module, _ = ACTIONS[arguments.action]
        code = module.execute(settings, arguments)
    except NotFoundError as error:
        raise CommandError(str(error), NO) from error
    except HubError as error:
        raise CommandError(str(error), WRONG_USE) from error
    assert isinstance(code, int)
    return code

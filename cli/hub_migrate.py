"""``quartermaster hub migrate``: bring a hub's database to this version, or say what that would do."""

import argparse
from pathlib import Path

from ..hub.database import Database
from ..hub.errors import DatabaseUnusableError
from ..hub.migrating import migrate
from ..hub.settings import HubSettings
from ..hub.storage.backups import before_migrating
from ..hub.storage.inspection import Inspected, inspect_database
from .hub_options import add_backup_argument, add_common_arguments, with_backup_choice
from .output import DONE, NO, emit, tell
from .progress import AmountLine


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--check", action="store_true", help="change nothing; say what would run (exit code 1 if any)")
    add_backup_argument(parser)
    add_common_arguments(parser)


def execute(settings: HubSettings, arguments: argparse.Namespace) -> int:
    """Migrate, or look what there is to migrate."""
    before = inspect_database(settings)
    if not before.known:
        raise DatabaseUnusableError(
            f"the database {settings.describe_database()} was written by a newer Quartermaster (migration "
            f"{before.revision}); install that version or use another data folder"
        )
    if arguments.check:
        return _check(before, arguments)
    settings = with_backup_choice(settings, arguments)
    backups: list[str] = []
    database = Database(settings)
    try:
        with AmountLine("backed up") as line:
            make = before_migrating(settings, line.show)

            def noted(revision: str) -> Path:
                assert make is not None
                path = make(revision)
                backups.append(str(path))
                return path

            revision = migrate(database, noted if make else None)
    finally:
        database.close()
    if arguments.json:
        emit({"from": before.revision, "migration": revision, "backup": backups[-1] if backups else None})
        return DONE
    if not before.missing:
        tell(f"nothing to do: the database is at migration {revision}")
        return DONE
    for path in backups:
        tell(f"backed up to {path}")
    tell(f"migrated from {before.revision or 'nothing'} to {revision}")
    return DONE


def _check(found: Inspected, arguments: argparse.Namespace) -> int:
    if arguments.json:
        waiting = [{"migration": each.revision, "meaning": each.meaning} for each in found.missing]
        emit({"migration": found.revision, "missing": waiting})
    else:
        tell(f"the database is at migration {found.revision or 'none: there is no database yet'}")
        for each in found.missing:
            tell(f"would run {each.revision}: {each.meaning}")
    return NO if found.missing else DONE

"""``quartermaster hub import-stablequeue``: bring what a StableQueue knows into a hub."""

import argparse
from pathlib import Path

from ..hub.services import Hub
from ..hub.settings import HubSettings
from ..hub.stablequeue.report import Report
from .hub_options import add_common_arguments
from .output import DONE, emit, say, tell

SHOWN_FINDINGS = 20
"""How many of what was not taken are named to a person; ``--json`` has them all."""
SHOWN_EVERY = 10_000
"""Progress is told after so many rows."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the action's arguments."""
    parser.add_argument(
        "path", type=Path, metavar="PATH", help="StableQueue's data folder, or mobilesd_models.sqlite in it; only read"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be, change nothing")
    add_common_arguments(parser)


def execute(settings: HubSettings, arguments: argparse.Namespace) -> int:
    """Import and print the report."""

    def progress(done: int, total: int) -> None:
        if done % SHOWN_EVERY == 0 or done == total:
            say(f"{done} of {total} models")

    hub = Hub(settings)
    try:
        report = hub.stablequeue.run(arguments.path, dry_run=arguments.dry_run, progress=progress)
    finally:
        hub.close()
    if arguments.json:
        emit(report.shown())
        return DONE
    for line in lines_of(report):
        tell(line)
    return DONE


def lines_of(report: Report) -> list[str]:
    """Return a report as a person reads it."""
    lines = []
    for table, counter in sorted(report.counts.items()):
        counted = [f"{number} {outcome.replace('_', ' ')}" for outcome, number in sorted(counter.items()) if number]
        lines.append(f"{table}: {', '.join(counted) or 'nothing'}")
    if report.jobs:
        counted = [f"{number} {status}" for status, number in sorted(report.jobs.items())]
        lines.append(f"jobs: {', '.join(counted)}; they stay in StableQueue: this hub keeps no jobs yet")
    if report.api_keys:
        lines.append(f"API keys: {report.api_keys} not taken; make new ones with: quartermaster hub key create")
    if report.unknown_columns:
        named = ", ".join(report.unknown_columns[:SHOWN_FINDINGS])
        lines.append(f"columns of a version that is not known here, not taken: {named}")
    lines += [f"  {finding.line()}" for finding in report.findings[:SHOWN_FINDINGS]]
    more = len(report.findings) - SHOWN_FINDINGS
    if more > 0:
        lines.append(f"  and {more} more that were not taken; --json lists all of them")
    changed = "would be changed" if report.dry_run else "was changed"
    if not report.changed:
        lines.append(f"nothing {changed}: all of it is known")
    elif report.dry_run:
        lines.append("nothing was changed: this was a dry run")
    return lines

"""What the list of jobs is narrowed to, as it stands in its address, and its tabs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from urllib.parse import urlencode

from ..jobs.job import STATES
from .job_words import STATES as STATE_MARKS
from .words import Mark

PLACE = "/queue"


@dataclass(frozen=True)
class Asked:
    """What the list is narrowed to; empty is "any"."""

    state: str = ""
    server: str = ""
    mine: str = ""
    q: str = ""
    model: str = ""
    bulk: str = ""
    cursor: str = ""

    def url(self, **changes: str) -> str:
        """Return the page's address for this question, changed; a changed question begins at its first page."""
        stated = replace(self, **{"cursor": "", **changes})
        query = urlencode(
            [(each.name, value) for each in fields(stated) if (value := getattr(stated, each.name))],
            errors="surrogatepass",
        )
        return f"{PLACE}?{query}" if query else PLACE

    @property
    def here(self) -> str:
        """The address of this very page of the list."""
        return self.url(cursor=self.cursor)

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the state is asked for."""
        return bool(self.server or self.mine or self.q or self.model or self.bulk)


@dataclass(frozen=True)
class Tab:
    """A state to look at (None: all of them), and how many jobs are in it."""

    mark: Mark | None
    count: int
    url: str
    chosen: bool


def tabs(asked: Asked, counts: Mapping[str, int]) -> list[Tab]:
    """Return a tab for all jobs and one for each state."""
    every = Tab(None, sum(counts.values()), asked.url(state=""), not asked.state)
    states = [
        Tab(STATE_MARKS[state], counts.get(state, 0), asked.url(state=state), asked.state == state) for state in STATES
    ]
    return [every, *states]

"""What befalls a fleet while it works: jobs come, files move, processes die and rise again. All of it by a seed."""

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from quartermaster.hub.schema import jobs
from quartermaster.tests.fleet.house import Fleet, Person
from quartermaster.tests.fleet.wishes import LATE_KIT, Wish
from sqlalchemy import select

RUNS_PER_TICK = 3
LONGEST_TICK_SECONDS = 0.25
"""A tick passes too when nothing runs: what waits may wait for the next file to come."""
TICKS = 240
BRINGS_LATE_KIT = TICKS // 2
TICKS_PER_CANCEL = 12


@dataclass(frozen=True)
class Kill:
    """At this tick a process dies, and so many ticks later it is started again.

    ``victim`` is the id of a server, for its agent, or the number of a hub.
    """

    tick: int
    ticks_down: int
    victim: str | int


def make_kills(seed: int, servers: Iterable[str], agents: int, hub_processes: int, hubs: int) -> list[Kill]:
    """Return so many kills of agents and of hubs, in their order."""
    dice, names = random.Random(f"kills of {seed}"), sorted(servers)
    kills = [Kill(dice.randrange(5, TICKS), dice.randrange(8), dice.choice(names)) for _ in range(agents)]
    kills += [Kill(dice.randrange(5, TICKS), dice.randrange(3), dice.randrange(hub_processes)) for _ in range(hubs)]
    return sorted(kills, key=lambda kill: kill.tick)


@dataclass
class Post:
    """Sends wishes, each until it is known to be queued, and never again then."""

    fleet: Fleet
    sent: dict[int, str] = field(default_factory=dict)
    """Number of a wish -> the id of its job."""
    _unsure: list[Wish] = field(default_factory=list)

    def send(self, wish: Wish) -> None:
        answer = self._person(wish).ask("POST", "/api/v2/generate", wish.body())
        if answer is None:
            self._unsure.append(wish)
        else:
            assert answer.status_code == 202, answer.text
            self.sent[wish.number] = answer.json()["stablequeue_job_id"]

    def _person(self, wish: Wish) -> Person:
        return self.fleet.people[wish.number % len(self.fleet.people)]

    def make_sure(self) -> bool:
        """Look for those whose sending was not answered, and send again those that are not there."""
        unsure, self._unsure = self._unsure, []
        for wish in unsure:
            with self.fleet.hub.database.read() as connection:
                found = connection.scalar(select(jobs.c.public_id).where(jobs.c.title.startswith(wish.title)))
            if found is None:
                self.send(wish)
            else:
                self.sent[wish.number] = found
        return not self._unsure


@dataclass
class Storm:
    """Lets tick after tick pass: one file moves, some jobs are sent, whoever's time has come dies or comes back."""

    fleet: Fleet
    post: Post
    wishes: list[Wish]
    """Those that are yet to be sent."""
    kills: list[Kill]
    dice: random.Random
    """Decides what is cancelled."""
    cancelled: set[int] = field(default_factory=set)
    kills_made: int = 0
    _per_tick: int = 0
    _down: list[tuple[int, str | int]] = field(default_factory=list)

    def blow(self) -> None:
        """Let all ticks pass; everybody is up again then."""
        self._per_tick = -(-len(self.wishes) // (TICKS * 3 // 4))
        for tick in range(TICKS):
            self._wait_for_work()
            if tick == BRINGS_LATE_KIT:
                self.fleet.mover.bring(LATE_KIT)
            self.fleet.mover.step()
            self.fleet.open_pages()
            self._send()
            if tick % TICKS_PER_CANCEL == 0:
                self._cancel()
            self._kill_and_raise(tick)
        self._kill_and_raise(TICKS * 2)

    def _wait_for_work(self) -> None:
        enough, until = self.fleet.runs() + RUNS_PER_TICK, time.monotonic() + LONGEST_TICK_SECONDS
        while self.fleet.runs() < enough and time.monotonic() < until:
            time.sleep(0.005)  # the poll of a condition

    def _send(self) -> None:
        now, self.wishes = self.wishes[: self._per_tick], self.wishes[self._per_tick :]
        self.post.make_sure()
        for wish in now:
            self.post.send(wish)

    def _cancel(self) -> None:
        """Have somebody think better of a job, wherever it is by now."""
        number = self.dice.choice(sorted(self.post.sent))
        person = self.fleet.people[number % len(self.fleet.people)]
        answer = person.ask("POST", f"/api/v2/jobs/{self.post.sent[number]}/cancel")
        self.cancelled.add(number)
        assert answer is None or answer.status_code in {200, 409}, answer.text

    def _kill_and_raise(self, tick: int) -> None:
        for _, victim in [each for each in self._down if each[0] <= tick]:
            self._start(victim)
        self._down = [each for each in self._down if each[0] > tick]
        while self.kills and self.kills[0].tick <= tick:
            kill = self.kills.pop(0)
            if kill.victim in {victim for _, victim in self._down}:
                continue
            self._kill(kill.victim)
            self.kills_made += 1
            self._down.append((tick + kill.ticks_down, kill.victim))

    def _kill(self, victim: str | int) -> None:
        if isinstance(victim, int):
            self.fleet.hubs[victim].kill()
        else:
            self.fleet.agents[victim].kill()

    def _start(self, victim: str | int) -> None:
        if isinstance(victim, int):
            self.fleet.hubs[victim].start()
        else:
            self.fleet.agents[victim].start()

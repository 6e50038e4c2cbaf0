"""The life of jobs, whatever agents and people do in whatever order, held against a model of it in a few lines."""

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from quartermaster.hub.jobs.job import MAX_ATTEMPTS
from quartermaster.hub.keys import Caller
from quartermaster.tests.hub.job_samples import (
    Agent,
    agent,
    check_needs,
    checkpoint,
    have,
    new_job,
    queued,
    row,
    stand_still,
)
from quartermaster.tests.hub.samples import Api

ADMIN = Caller(None, "admin", None, "the admin")
LEASE_SECONDS = 60.0


@dataclass
class Life:
    """What should be so of one job."""

    state: str = "pending"
    lease: str | None = None
    until: float = 0.0
    attempts: int = 0
    accepted: str | None = None
    """The lease with which its result was taken."""
    ended: dict[str, str] = field(default_factory=dict)
    """What became of it by what its servers said: lease -> state."""
    given: list[tuple[Agent, dict[str, Any]]] = field(default_factory=list)

    def end(self, state: str) -> None:
        self.state, self.lease = state, None


class World:
    """Two servers, jobs that both can do, and chance."""

    def __init__(self, api: Api, seed: int) -> None:
        self.api, self.hub, self.chance = api, api.hub, random.Random(seed)
        stand_still(api.hub, "leases")
        for server in ("attic", "cellar"):
            have(api, server, [checkpoint("x")])
        self.agents = [agent(api, server) for server in ("attic", "cellar")]
        self.lives = {name: Life() for name in queued(api.hub, *[new_job(api.hub, "x")] * 6)}

    def claim(self) -> None:
        who = self.chance.choice(self.agents)
        if self.chance.random() < 0.2:
            who.runs.clear()  # it was restarted
        for life in self.lives.values():  # what it does not name is taken back
            if life.lease and life.given[-1][0] is who and life.given[-1][1]["id"] not in who.runs:
                began = row(self.hub, life.given[-1][1]["id"]).progress_details is not None
                self.give_back(life, counts=began)
        job = who.claim()
        if job is None:
            return
        life = self.lives[job["id"]]
        assert life.state == "pending" and job["lease"] not in {one["lease"] for _, one in life.given}
        life.state, life.lease, life.until = "processing", job["lease"], self.api.clock.now + LEASE_SECONDS
        life.attempts += 1
        life.given.append((who, job))

    def give_back(self, life: Life, *, counts: bool) -> None:
        life.attempts -= 0 if counts else 1
        life.end("failed" if counts and life.attempts >= MAX_ATTEMPTS else "pending")

    def any_lease(self) -> tuple[Life, Agent, dict[str, Any]] | None:
        """Return some job as some server was given it, now or long ago."""
        all_given = [(life, who, job) for life in self.lives.values() for who, job in life.given]
        return self.chance.choice(all_given) if all_given else None

    def progress(self) -> None:
        if (found := self.any_lease()) is not None:
            life, who, job = found
            said = who.say("progress", job, progress=0.5)
            assert (said.status_code == 200) is (life.lease == job["lease"])
            if said.status_code == 200:
                life.until = self.api.clock.now + LEASE_SECONDS
            else:
                assert said.json()["details"] == {"state": life.state}
                who.runs.pop(job["id"], None)

    def complete(self) -> None:
        if (found := self.any_lease()) is not None:
            life, who, job = found
            if life.lease == job["lease"]:
                image = who.hand_over(job)
                assert who.say("complete", job, images=[image]).json()["accepted"] is True
                assert life.accepted is None
                life.accepted = life.lease
                life.ended[job["lease"]] = "completed"
                life.end("completed")
            else:
                self.too_late(life, who.say("complete", job, images=[{"n": 0, "sha256": "0" * 64}]), job)
            who.runs.pop(job["id"], None)

    def fail(self) -> None:
        if (found := self.any_lease()) is not None:
            life, who, job = found
            retry = self.chance.random() < 0.5
            said = who.say("fail", job, code="busy", message="m", retry=retry)
            if life.lease == job["lease"]:
                life.ended[job["lease"]] = "pending" if retry else "failed"
                life.attempts -= 1 if retry else 0
                assert said.json() == {"success": True, "state": life.ended[job["lease"]]}
                life.end(life.ended[job["lease"]])
            else:
                self.too_late(life, said, job)
            who.runs.pop(job["id"], None)

    def too_late(self, life: Life, said: Any, job: dict[str, Any]) -> None:
        if job["lease"] in life.ended:
            assert said.json()["repeated"] is True and said.json()["state"] == life.ended[job["lease"]]
        else:
            assert (said.status_code, said.json()["error"]) == (409, "lease_lost")

    def time_passes(self) -> None:
        self.api.clock.now += self.chance.choice([5, 30, 61])
        while self.hub.leases.expire():
            pass
        if self.hub.leases._begins_at > self.api.clock.now:
            return
        for life in self.lives.values():
            if life.lease and life.until < self.api.clock.now:
                self.give_back(life, counts=True)

    def cancel(self) -> None:
        name, life = self.chance.choice(list(self.lives.items()))
        if life.state in {"pending", "processing"}:
            assert self.hub.changing.cancel(name, ADMIN) == "cancelled"
            life.end("cancelled")

    def retry(self) -> None:
        name, life = self.chance.choice(list(self.lives.items()))
        if life.state in {"failed", "cancelled"}:
            self.hub.changing.retry(name, ADMIN)
            life.state, life.attempts = "pending", 0

    def check(self) -> None:
        for name, life in self.lives.items():
            found = row(self.hub, name)
            assert (found.state, found.lease, found.attempts) == (life.state, life.lease, life.attempts)
            assert (life.state == "completed") is (life.accepted is not None)
        check_needs(self.hub)


@pytest.mark.parametrize("seed", [3, 4])
def test_no_job_is_lost_and_none_taken_twice(api: Api, seed: int) -> None:
    world = World(api, seed)
    steps = [world.claim, world.progress, world.complete, world.fail, world.time_passes, world.cancel, world.retry]
    for _ in range(80):
        world.chance.choices(steps, [6, 3, 1, 2, 3, 1, 2])[0]()
        world.check()

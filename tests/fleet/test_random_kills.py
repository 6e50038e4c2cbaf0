"""A fleet of real processes works off a thousand jobs while its files move about and its processes are killed."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from quartermaster.hub.jobs.job import CANCELLED, PENDING
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.fleet import truth
from quartermaster.tests.fleet.files import make_models
from quartermaster.tests.fleet.house import SERVERS, Fleet, running_fleet
from quartermaster.tests.fleet.storm import Post, Storm, make_kills
from quartermaster.tests.fleet.wishes import LATE_KIT, make_vain_wishes, make_wishes

JOBS = 1000
EARLY = 350
AGENT_KILLS = 12
HUB_KILLS = 5
PATIENCE_SECONDS = 480.0
"""A job that was handed back rests, and a busy machine makes a thousand of them slowly."""


@pytest.fixture(params=["sqlite", "postgresql", "two hubs on postgresql"])
def fleet(request: pytest.FixtureRequest, tmp_path: Path, seed_of_run: int) -> Iterator[Fleet]:
    new_database: Callable[[], str] | None = None
    if request.param != "sqlite":
        new_database = request.getfixturevalue("postgres")
    url = new_database() if new_database else None
    hubs = 2 if request.param.startswith("two") else 1
    with running_fleet(tmp_path, url, hubs, make_models(seed_of_run), seed_of_run) as fleet:
        yield fleet


@pytest.mark.timeout(900)
def test_every_job_is_accepted_once_with_its_own_models_whatever_dies(fleet: Fleet, seed_of_run: int) -> None:
    print(f"the seed of this fleet: --hypothesis-seed={seed_of_run}")
    models = make_models(seed_of_run)
    wishes, vain = make_wishes(JOBS, models, SERVERS, EARLY, seed_of_run), make_vain_wishes(JOBS, seed_of_run)
    early, later = wishes[:EARLY] + vain, wishes[EARLY:]
    fleet.mover.lay_out(range(LATE_KIT))
    early_models = [model for model in models if model.kit != LATE_KIT]
    eventually(lambda: fleet.knows(early_models), "the first inventories")
    post = Post(fleet)
    for wish in early:
        post.send(wish)
    kills = make_kills(seed_of_run, SERVERS, AGENT_KILLS, len(fleet.hubs), HUB_KILLS)
    storm = Storm(fleet, post, later, kills, random.Random(f"cancels of {seed_of_run}"))
    storm.blow()
    fleet.mover.put_right()
    fleet.open_pages()
    eventually(post.make_sure, "the last wish to be queued")
    empty = "the queue to be empty but for what nobody can do"
    eventually(lambda: fleet.is_worked_off(len(vain)), empty, PATIENCE_SECONDS)
    assert truth.complaints(fleet.hub, wishes, post.sent, fleet.made()) == []
    known = truth.jobs_of(fleet.hub)
    cancelled = {wish.number for wish in wishes if known[post.sent[wish.number]].state == CANCELLED}
    assert cancelled and cancelled <= storm.cancelled
    for wish in vain:
        told = fleet.admin.told("GET", f"/api/v2/jobs/{post.sent[wish.number]}/status")["job"]
        assert told["state"] == PENDING and told["waiting"]["code"] and told["waiting"]["message"], told
    assert storm.kills_made > (AGENT_KILLS + HUB_KILLS) // 2, "some of the dead were to die a second time"
    print(f"{fleet.runs()} runs, {storm.kills_made} kills, moves: {fleet.mover.moves}")

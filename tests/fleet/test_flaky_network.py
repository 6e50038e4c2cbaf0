"""Agents whose requests are lost, cut, repeated and late: each job is accepted once all the same."""

from pathlib import Path

import pytest
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.fleet import truth
from quartermaster.tests.fleet.files import KITS, make_models
from quartermaster.tests.fleet.flaky import Fate
from quartermaster.tests.fleet.house import SERVERS, running_fleet
from quartermaster.tests.fleet.storm import Post
from quartermaster.tests.fleet.wishes import make_wishes

JOBS = 120


@pytest.mark.timeout(600)
def test_every_job_is_accepted_once_however_its_agents_requests_fare(tmp_path: Path, seed_of_run: int) -> None:
    models = make_models(seed_of_run)
    wishes = make_wishes(JOBS, models, SERVERS, 0, seed_of_run)
    with running_fleet(tmp_path, None, 1, models, seed_of_run, flaky=True) as fleet:
        assert fleet.network is not None
        fleet.mover.lay_out(range(KITS))
        fleet.mover.put_right()
        eventually(lambda: fleet.knows(models), "the inventories")
        fleet.open_pages()
        fleet.network.calm = False
        post = Post(fleet)
        for wish in wishes:
            post.send(wish)
        eventually(fleet.is_worked_off, "the queue to be empty")
        assert truth.complaints(fleet.hub, wishes, post.sent, fleet.made()) == []
        assert all(fleet.network.fates[fate] for fate in Fate), fleet.network.fates

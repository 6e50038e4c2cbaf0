"""The order of jobs: fair among submitters, moved by priority, bent a little by what is loaded and who waits."""

import random
from typing import Any

from quartermaster.hub.jobs import speed
from quartermaster.hub.jobs.ranks import TURNS_PER_PRIORITY
from quartermaster.hub.schema import job_takers
from quartermaster.tests.hub.job_samples import Agent, agent, checkpoint, have, new_job, queued, row
from quartermaster.tests.hub.samples import Api, sha
from sqlalchemy import update


def drained(api: Api, who: Agent) -> list[str]:
    """Let a server do all that it can, and return the jobs in the order in which it was given them."""
    given = []
    while (job := who.claim()) is not None:
        given.append(str(job["id"]))
    return given


def test_submitters_take_turns_and_who_comes_late_is_served_next(api: Api) -> None:
    hub = api.hub
    have(api, "attic", [checkpoint("x"), checkpoint("y")])
    attic = agent(api, "attic")
    many = queued(hub, *[new_job(hub, "x", by="many")] * 30)
    few = queued(hub, *[new_job(hub, "y", by="few")] * 2)
    given = [attic.claimed() for _ in range(3)]
    assert sorted(given) == sorted([many[0], few[0], given[2]])
    late = queued(hub, new_job(hub, "x", by="late"))
    rest = [attic.claimed() for _ in range(6)]
    assert late[0] in rest[:3] and few[1] in [*given, *rest]
    assert [name for name in [*given, *rest] if name in many] == many[: 9 - 3]


def test_the_order_is_that_of_the_rule_for_random_submitters_and_priorities(api: Api) -> None:
    """One server that can do all: what it is given is what start-time fair queueing says, computed by hand."""
    hub, chance = api.hub, random.Random(5)
    have(api, "attic", [checkpoint(name) for name in "xyz"])
    attic = agent(api, "attic")
    now, last = 0.0, dict.fromkeys("abc", 0.0)
    waiting: dict[str, tuple[float, float]] = {}
    for _ in range(50):
        if chance.random() < 0.55:
            by, priority = chance.choice("abc"), chance.choice([0, 0, 0, 1, -1])
            [name] = queued(hub, new_job(hub, chance.choice("xyz"), by=by, priority=priority))
            last[by] = max(now, last[by]) + 1
            waiting[name] = (last[by] - priority * TURNS_PER_PRIORITY, last[by])
        elif waiting:
            name = attic.claimed()
            rank, tag = waiting.pop(name)
            assert rank <= min((other for other, _ in waiting.values()), default=rank)
            now = max(now, tag)
    assert len(drained(api, attic)) == len(waiting)


def test_priority_goes_first_and_a_waiting_job_ages_past_it(api: Api) -> None:
    hub = api.hub
    have(api, "attic", [checkpoint("x")])
    attic = agent(api, "attic")
    [old] = queued(hub, new_job(hub, "x", by="patient"))
    [urgent] = queued(hub, new_job(hub, "x", by="urgent", priority=1))
    assert attic.claimed() == urgent
    pushed = queued(hub, *[new_job(hub, "x", by="urgent", priority=1)] * 60)
    given = [attic.claimed() for _ in range(60)]
    assert old in given and given.index(old) >= 49 and pushed[0] == given[0]


def test_what_is_loaded_goes_before_its_turn_but_not_by_much_and_not_before_a_higher_priority(api: Api) -> None:
    hub = api.hub
    have(api, "attic", [checkpoint("x"), checkpoint("y")])
    attic = agent(api, "attic")
    [first] = queued(hub, new_job(hub, "x", by="a"))
    ready = queued(hub, *[new_job(hub, "y", by="b")] * 40)
    given = [attic.claimed(loaded=sha("y")) for _ in range(40)]
    assert given.index(first) == 26 and given[:26] == ready[:26]  # its own turn, and 25 more
    attic.give_up()
    [urgent] = queued(hub, new_job(hub, "x", by="c", priority=1))
    queued(hub, new_job(hub, "y", by="d", priority=0))
    assert attic.claimed(loaded=sha("y")) != ready[-1]
    assert urgent == next(iter(attic.runs))


def test_a_twin_of_the_checkpoint_that_is_loaded_counts_as_loaded(api: Api) -> None:
    hub = api.hub
    twins = [checkpoint(name, tensor_sha256=sha("tensors")) for name in ("x", "x again")]
    have(api, "attic", [checkpoint("w"), *twins])
    queued(hub, new_job(hub, "w", by="a"))
    [same] = queued(hub, new_job(hub, "x", by="b"))
    assert agent(api, "attic").claimed(loaded=sha("x again")) == same


def test_a_job_is_left_for_a_moment_to_a_server_that_waits_with_its_checkpoint_loaded(api: Api) -> None:
    hub = api.hub
    for server in ("attic", "cellar"):
        have(api, server, [checkpoint("x")])
    attic, cellar = agent(api, "attic"), agent(api, "cellar")
    assert attic.claim() is None and cellar.claim() is None
    [wanted] = queued(hub, new_job(hub, "x"))
    waits(api, "cellar", loaded=sha("x"))
    assert attic.claim() is None
    api.clock.now += 3.1
    waits(api, "cellar", loaded=sha("x"))
    assert attic.claimed() == wanted


def test_a_job_is_left_for_a_moment_to_a_server_that_waits_and_is_twice_as_fast(api: Api) -> None:
    hub = api.hub
    for server in ("attic", "cellar"):
        have(api, server, [checkpoint("x")])
    attic, cellar = agent(api, "attic"), agent(api, "cellar")
    for who, seconds in ((attic, 20.0), (cellar, 5.0)):
        for _ in range(speed.ENOUGH):
            queued(hub, new_job(hub, "x"))
            job: Any = who.claim()
            assert who.complete(job, seconds=seconds).json()["accepted"]
    [wanted] = queued(hub, new_job(hub, "x"))
    waits(api, "cellar")
    assert attic.claim() is None
    assert cellar.claimed() == wanted


def test_speed_is_a_decaying_mean_of_seconds_for_a_megapixel_and_step() -> None:
    payload = {"width": 1000, "height": 500, "steps": 20, "batch_size": 2, "n_iter": 1}
    assert speed.units(payload) == 20.0
    assert speed.measured(40.0, payload) == 2.0
    assert speed.mean(speed.mean(None, 2.0), 4.0) == 2.5
    for nothing in ({"steps": "many"}, {"width": -1}, {"steps": True}, {"width": 1e9, "height": 1e9, "steps": 1e9}):
        assert speed.measured(40.0, nothing) is None
    assert speed.measured(None, payload) is speed.measured(0.0, payload) is None


def waits(api: Api, server: str, **more: Any) -> None:
    """Let a server be one that waits for work just now."""
    here = job_takers.c
    values = {"waits_until": api.clock.now + 20, **more}
    api.hub.database.write(
        lambda connection: connection.execute(update(job_takers).where(here.server_id == server).values(**values))
    )


def test_a_job_that_was_tried_again_is_at_the_end_of_its_submitters(api: Api) -> None:
    hub = api.hub
    have(api, "attic", [checkpoint("x")])
    attic = agent(api, "attic")
    mine = queued(hub, *[new_job(hub, "x", by="a")] * 3)
    assert attic.claimed() == mine[0]
    attic.give_up()
    assert row(hub, mine[0]).error_code == "out_of_memory"
    hub.changing.retry(mine[0], caller_of(api))
    assert drained(api, attic) == [mine[1], mine[2], mine[0]]


def caller_of(api: Api) -> Any:
    return api.hub.keys.recognise(api.headers["X-API-Key"], api.headers["X-API-Secret"], None)

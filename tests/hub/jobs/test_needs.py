"""Who can do what is kept beside the needs: after whatever happens it is what a look at every file would say."""

import random
import threading
from typing import Any

import pytest
from quartermaster.hub import placing
from quartermaster.hub.entries import read_entry
from quartermaster.hub.jobs.job import RESOLVED, NewJob, Requirement, Submitter
from quartermaster.hub.jobs.needs import need_of
from quartermaster.hub.jobs.queue import requirements_of
from quartermaster.hub.keys import Caller
from quartermaster.hub.schema import job_need_servers, jobs, placements
from quartermaster.tests.hub.job_samples import (
    agent,
    check_needs,
    checkpoint,
    have,
    ids_of,
    new_job,
    queued,
    row,
    stand_still,
)
from quartermaster.tests.hub.samples import Api, sha, until
from sqlalchemy import select

NAMES = "abcdefgh"
SERVERS = ("attic", "cellar", "garage")
ADMIN = Caller(None, "admin", None, "the admin")


def oracle(api: Api) -> dict[str, set[str]]:
    """Return which servers can do each waiting job, from the inventories and what each asks for, and nothing else."""
    with api.hub.database.read() as connection:
        here = placements.c
        held = {(one.server_id, one.model_id) for one in connection.execute(
            select(here.server_id, here.model_id).where(here.state == "present"))}  # fmt: skip
        found = {}
        for job in connection.execute(select(jobs).where(jobs.c.state == "pending")):
            asked = requirements_of(connection, [job.id]).get(job.id, [])
            met = all(each.resolution == RESOLVED for each in asked)
            found[job.public_id] = {
                server
                for server in SERVERS
                if met
                and job.target_server_id in {None, server}
                and all(any((server, model) in held for model in each.models) for each in asked)
            }
    return found


def stated(api: Api) -> dict[str, set[str]]:
    """Return the same as the hub keeps it."""
    with api.hub.database.read() as connection:
        waiting = connection.execute(select(jobs.c.public_id, jobs.c.need_id).where(jobs.c.state == "pending")).all()
        able: dict[int, set[str]] = {}
        for one in connection.execute(select(job_need_servers)):
            able.setdefault(one.need_id, set()).add(one.server_id)
    return {one.public_id: able.get(one.need_id, set()) for one in waiting}


@pytest.mark.parametrize("seed", [1, 2])
def test_who_can_do_what_is_what_a_look_at_every_file_says(api: Api, seed: int) -> None:
    chance = random.Random(seed)
    hub = api.hub
    stand_still(hub, "leases")
    have(api, "nas", [checkpoint(name) for name in NAMES])  # so that each is known
    have(api, "nas", [])
    agents = {name: agent(api, name) for name in SERVERS}
    for server in SERVERS:
        have(api, server, [])
    model_ids = ids_of(hub, NAMES)
    known: list[str] = []

    def add() -> None:
        slots = [tuple(chance.sample(NAMES, chance.choice([1, 1, 1, 2]))) for _ in range(chance.randint(1, 3))]
        asked = tuple(
            Requirement("checkpoint" if slot == 0 else "lora", names[0], resolution=RESOLVED,
                        models=tuple(model_ids[name] for name in names))
            for slot, names in enumerate(slots)
        )  # fmt: skip
        target = chance.choice([None, None, *SERVERS])
        job = NewJob("txt2img", {}, {}, asked, Submitter(chance.choice("xy")), target, chance.randint(-2, 2))
        known.extend(queued(hub, *[job] * chance.randint(1, 3)))

    def sync() -> None:
        entries = [
            checkpoint(name, state=chance.choice(["present", "present", "stale"]))
            for name in chance.sample(NAMES, chance.randint(0, len(NAMES)))
        ]
        have(api, chance.choice(SERVERS), entries)

    def claim() -> None:
        who = agents[chance.choice(SERVERS)]
        able = oracle(api)
        job = who.claim()
        if job is None:
            assert not any(who.server in servers for servers in able.values())
            return
        assert who.server in able[job["id"]]

    def end() -> None:
        who = agents[chance.choice(SERVERS)]
        if who.runs:
            _, job = who.runs.popitem()
            if chance.random() < 0.4:
                who.say("fail", job, code="busy", message="a person is at it", retry=True)
                api.clock.now += 61
            else:
                who.say("fail", job, code="out_of_memory", message="no room")

    def change() -> None:
        if known:
            name = chance.choice(known)
            state = row(hub, name).state
            if state == "pending":
                chance.choice([
                    lambda: hub.changing.cancel(name, ADMIN),
                    lambda: hub.changing.set_priority(name, ADMIN, chance.randint(-3, 3)),
                    lambda: hub.changing.move(name, ADMIN, chance.choice([None, *SERVERS])),
                ])()  # fmt: skip
            elif state in {"failed", "cancelled"}:
                hub.changing.retry(name, ADMIN)

    for _ in range(60):
        chance.choices([add, sync, claim, end, change, hub.needs.prune], [3, 3, 4, 3, 3, 1])[0]()
        assert stated(api) == oracle(api)
        check_needs(hub)


def test_equal_sets_of_models_are_one_need_whatever_their_order() -> None:
    def need(*slots: tuple[int, ...], target: str | None = None) -> Any:
        return need_of(target, [Requirement("lora", "", resolution=RESOLVED, models=slot) for slot in slots])

    assert need((1, 2), (3,)).key == need((3,), (2, 1), (3,)).key
    assert len({need((1,)).key, need((1,), target="a").key, need((1,), (2,)).key, need((1, 2)).key}) == 4
    assert need_of(None, [Requirement("lora", "x")]) is None


def test_a_job_whose_model_nobody_has_goes_by_itself_when_it_appears(api: Api) -> None:
    hub = api.hub
    have(api, "nas", [checkpoint("x")])
    have(api, "attic", [])
    [wanted] = queued(hub, new_job(hub, "x", target="attic"))
    attic = agent(api, "attic")
    assert attic.claim() is None
    have(api, "attic", [checkpoint("x", state="stale")])
    assert attic.claim() is None
    have(api, "attic", [checkpoint("x")])
    assert attic.claimed() == wanted


def test_a_file_that_goes_is_not_given_though_nobody_worked_that_out_yet(api: Api) -> None:
    hub = api.hub
    have(api, "attic", [checkpoint("x"), checkpoint("y")])
    queued(hub, new_job(hub, "x"))
    [other] = queued(hub, new_job(hub, "y"))
    api.hub.changes.digest()
    attic = agent(api, "attic")
    stand_still(hub, "job changes")
    api.synced({"models": [checkpoint("y")], "agent_id": "agent of attic"}, "attic")
    assert attic.claimed() == other
    assert attic.claim() is None


def test_a_model_that_an_agent_did_not_find_is_not_believed_for_a_while(api: Api) -> None:
    hub = api.hub
    have(api, "attic", [checkpoint("x"), checkpoint("y")])
    [wanted] = queued(hub, new_job(hub, "x"))
    attic = agent(api, "attic")
    job: Any = attic.claim()
    said = attic.say("fail", job, code="model_gone", message="x is gone", retry=True, missing=[sha("x")])
    assert said.json() == {"success": True, "state": "pending"}
    attic.runs.clear()
    api.clock.now += 59
    assert attic.claim() is None
    have(api, "attic", [checkpoint("x", size=999), checkpoint("y")])  # its agent says something new of it
    assert attic.claimed() == wanted
    assert row(hub, wanted).attempts == 1


def test_a_server_without_any_model_does_a_job_that_asks_for_none(api: Api) -> None:
    [wanted] = queued(api.hub, new_job(api.hub))
    have(api, "attic", [])
    assert agent(api, "attic").claimed() == wanted


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("first", ["sync", "job"])
def test_a_job_and_a_sync_that_do_not_see_each_other_miss_nothing(api: Api, first: str) -> None:
    """Two transactions at once, one of which brings the model and the other asks for it: whichever commits last."""
    hub, done = api.hub, threading.Event()
    stand_still(hub, "job changes")
    have(api, "nas", [checkpoint("x")])
    have(api, "attic", [])
    wanted = new_job(hub, "x", target="attic")

    def sync(connection: Any) -> None:
        plan = placing.plan({}, [read_entry(checkpoint("x"), hub.settings.limits)])
        placing.execute(hub.database, connection, "attic", plan, api.clock())

    def add(connection: Any) -> None:
        hub.queue.add(connection, [wanted])

    works = [sync, add] if first == "sync" else [add, sync]

    def slowly(connection: Any) -> None:
        works[0](connection)
        started.set()
        assert done.wait(30)

    started = threading.Event()
    slow = threading.Thread(target=hub.database.write, args=(slowly,))
    quick = threading.Thread(target=hub.database.write, args=(works[1],))
    slow.start()
    assert started.wait(30)
    quick.start()

    def waits() -> bool:
        with hub.database.read() as connection:
            held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            return bool(connection.exec_driver_sql(held).scalar())

    until(waits)
    done.set()
    slow.join()
    quick.join()
    hub.changes.digest()
    check_needs(hub)
    assert agent(api, "attic").claim() is not None

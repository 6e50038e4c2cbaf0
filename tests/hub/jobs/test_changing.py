"""What people do to jobs: cancel, retry, priority, move; each in every state, and only to their own."""

from typing import Any

import pytest
from quartermaster.hub.errors import ConflictError, ForbiddenError, NotFoundError
from quartermaster.hub.keys import Caller
from quartermaster.hub.schema import job_requirements
from quartermaster.tests.hub.job_samples import agent, check_needs, checkpoint, have, ids_of, new_job, queued, row
from quartermaster.tests.hub.samples import Api, entry, together
from sqlalchemy import update

SUBMITTER, OTHER = Caller("k", "client", None, "somebody"), Caller("o", "client", None, "another")
ADMIN = Caller("a", "admin", None, "the admin")


@pytest.fixture
def fleet(api: Api) -> Api:
    """Two servers with the same checkpoint."""
    for server in ("attic", "cellar"):
        have(api, server, [checkpoint("x")])
    return api


def events(api: Api) -> list[dict[str, Any]]:
    return [one["data"] for one in api.get("/api/v1/events", last=500, kind="job").json()["events"]]


def audited(api: Api) -> list[tuple[str, str]]:
    return [(one["action"], one["subject"]) for one in api.get("/api/v1/audit").json()["entries"]]


def test_cancel_works_in_every_state_and_the_agent_is_told(fleet: Api) -> None:
    hub = fleet.hub
    waiting, running, done = queued(hub, *[new_job(hub, "x", by="k")] * 3)
    attic = agent(fleet, "attic")
    assert attic.claimed() == waiting
    attic.give_up()
    assert hub.changing.retry(waiting, SUBMITTER) == "pending"
    assert attic.claimed() == running and attic.claimed() == done
    assert attic.complete(attic.runs[done]).json()["accepted"]
    for name in (waiting, running, done):
        hub.changing.cancel(name, SUBMITTER)
    assert [row(hub, name).state for name in (waiting, running, done)] == ["cancelled", "cancelled", "completed"]
    told = attic.say("progress", attic.runs[running], progress=0.5)
    assert (told.status_code, told.json()["details"]) == (409, {"state": "cancelled"})
    check_needs(hub)
    assert agent(fleet, "cellar").claim() is None
    assert [one["state"] for one in events(fleet) if one["id"] == running] == ["processing", "cancelled"]
    assert not [one for one in audited(fleet) if one[0].startswith("job_")]


def test_what_an_admin_does_to_another_ones_job_is_in_the_audit_log_and_others_may_not(fleet: Api) -> None:
    hub = fleet.hub
    [name] = queued(hub, new_job(hub, "x", by="k"))
    for change in (
        lambda caller: hub.changing.set_priority(name, caller, 3),
        lambda caller: hub.changing.move(name, caller, "cellar"),
        lambda caller: hub.changing.cancel(name, caller),
        lambda caller: hub.changing.retry(name, caller),
    ):
        with pytest.raises(ForbiddenError):
            change(OTHER)
        change(ADMIN)
    listed = [action for action, subject in audited(fleet) if subject == name]
    assert sorted(listed) == ["job_cancelled", "job_moved", "job_priority", "job_retried"]
    with pytest.raises(NotFoundError) as refused:
        hub.changing.cancel("no-such-job", ADMIN)
    assert refused.value.code == "job_not_found"


def test_a_job_is_moved_while_it_waits_and_while_it_runs(fleet: Api) -> None:
    hub = fleet.hub
    first, second = queued(hub, *[new_job(hub, "x", by="k")] * 2)
    attic, cellar = agent(fleet, "attic"), agent(fleet, "cellar")
    hub.changing.move(first, SUBMITTER, "cellar")
    assert attic.claimed() == second
    assert attic.claim() is None
    check_needs(hub)
    assert hub.changing.move(second, SUBMITTER, "attic") == "processing"  # it runs there
    assert hub.changing.move(second, SUBMITTER, "cellar") == "pending"
    check_needs(hub)
    assert attic.say("progress", attic.runs[second]).json()["error"] == "lease_lost"
    assert [cellar.claimed(), cellar.claimed()] == [first, second]
    with pytest.raises(NotFoundError):
        hub.changing.move(first, SUBMITTER, "nowhere")
    cellar.give_up()
    with pytest.raises(ConflictError, match="tried again first"):
        hub.changing.move(first, SUBMITTER, None)
    for name in (first, second):
        hub.changing.retry(name, SUBMITTER)
        hub.changing.move(name, SUBMITTER, None)
    assert attic.claimed(running=[]) == first


def test_only_what_failed_or_was_cancelled_is_tried_again(fleet: Api) -> None:
    [name] = queued(fleet.hub, new_job(fleet.hub, "x", by="k"))
    with pytest.raises(ConflictError) as refused:
        fleet.hub.changing.retry(name, SUBMITTER)
    assert (refused.value.code, refused.value.details) == ("job_not_retryable", {"state": "pending"})


def test_a_job_with_an_unknown_model_waits_and_goes_when_it_is_resolved(fleet: Api) -> None:
    hub = fleet.hub
    [name] = queued(hub, new_job(hub, "x", "style"))
    attic = agent(fleet, "attic")
    assert attic.claim() is None and row(hub, name).need_id is None
    hub.changing.set_priority(name, ADMIN, 2)
    hub.changing.move(name, ADMIN, "attic")
    hub.changing.cancel(name, ADMIN)
    hub.changing.retry(name, ADMIN)
    assert hub.database.write(lambda connection: hub.queue.place(connection, [row(hub, name).id])) == []
    have(fleet, "attic", [checkpoint("x"), entry("style")])

    def resolve(connection: Any) -> list[str]:
        here = job_requirements.c
        known = {"resolution": "resolved", "models": f"[{ids_of(hub, ['style'])['style']}]"}
        connection.execute(
            update(job_requirements).where(here.job_id == row(hub, name).id, here.slot == 1).values(known)
        )
        return hub.queue.place(connection, [row(hub, name).id])

    assert hub.database.write(resolve) == [name]
    check_needs(hub)
    assert attic.claimed() == name


def test_whatever_people_and_agents_do_at_once_each_job_ends_once(fleet: Api) -> None:
    """Cancel, move, priority and claims of the same jobs at once: no deadlock, no job in two places."""
    hub = fleet.hub
    names = queued(hub, *[new_job(hub, "x", by="k")] * 24)
    agents = [agent(fleet, "attic"), agent(fleet, "cellar")]

    def work(number: int) -> Any:
        if number < 2:
            done = []
            while (job := agents[number].claim()) is not None:
                answer = agents[number].complete(job)
                agents[number].runs.clear()
                done += [job["id"]] if answer.status_code == 200 else []
            return done
        for name in names[number - 2 :: 4]:
            [
                lambda name=name: hub.changing.cancel(name, SUBMITTER),
                lambda name=name: hub.changing.set_priority(name, SUBMITTER, 5),
                lambda name=name: _moved(hub, name, "cellar"),
                lambda name=name: _moved(hub, name, None),
            ][number - 2]()
        return []

    done = together(6, work)
    assert all(isinstance(each, list) for each in done), done
    rest = [agents[number].claim() for number in (0, 1)]
    assert rest == [None, None]
    completed = [name for name in names if row(hub, name).state == "completed"]
    assert sorted(done[0] + done[1]) == sorted(completed)
    assert {row(hub, name).state for name in names} <= {"completed", "cancelled"}
    check_needs(hub)


def _moved(hub: Any, name: str, server: str | None) -> None:
    try:
        hub.changing.move(name, SUBMITTER, server)
    except ConflictError as error:
        assert error.code == "job_done"

"""100,000 jobs wait: what is done with jobs costs as many statements as with ten, and none of them reads all jobs."""

from collections.abc import Callable
from typing import Any

from quartermaster.hub.schema import job_attempts, job_needs, job_requirements, job_submitters, jobs
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.jobs.crew import Worker, checkpoint, job_of, submit, worker
from quartermaster.tests.hub.samples import Api, statements_of
from sqlalchemy import BigInteger, Connection, String, cast, func, literal, select, true, update

MANY = 100_000
FEW = 10
CLAIMS = 30
BESIDE = 2
"""Statements more where a job happens to be, or not to be, the first of those that wait with its need."""
DAY_SECONDS = 86_400.0
ID = "00000000-0000-4000-8000-"
READ_WHOLE = {
    "count(*)",  # of the states and of waiting jobs: each reads an index, and the first all of it
    "ORDER BY jobs.id DESC",  # SQLite's word for reading the newest, and no more of them than the limit
}


def copied(api: Api, job_id: str, count: int) -> None:
    """Queue so many copies of a waiting job behind it, as if its submitter had asked for them, in one transaction."""
    number = select(literal(1, BigInteger).label("n")).cte("number", recursive=True)
    number = number.union_all(select(number.c.n + 1).where(number.c.n < count))
    theirs = {column.name: column for column in jobs.c if column.name != "id"}
    theirs["public_id"] = literal(ID, String) + cast(number.c.n + literal(100_000_000_000, BigInteger), String)
    theirs |= {name: theirs[name] + number.c.n for name in ("tag", "rank")}
    copies = select(*theirs.values()).select_from(jobs.join(number, true())).where(jobs.c.public_id == job_id)
    one, other = jobs.alias("one"), jobs.alias("other")
    asked = {column.name: column for column in job_requirements.c if column.name != "job_id"}
    requirements = (
        select(other.c.id, *asked.values())
        .select_from(job_requirements.join(one, one.c.id == job_requirements.c.job_id).join(other, true()))
        .where(one.c.public_id == job_id, other.c.public_id.startswith(ID))
    )

    def work(connection: Connection) -> None:
        connection.execute(jobs.insert().from_select(list(theirs), copies, include_defaults=False))
        insert = job_requirements.insert()
        connection.execute(insert.from_select(["job_id", *asked], requirements, include_defaults=False))
        need = select(jobs.c.need_id).where(jobs.c.public_id == job_id).scalar_subquery()
        connection.execute(update(job_needs).where(job_needs.c.id == need).values(waiting=job_needs.c.waiting + count))
        who = select(jobs.c.submitter).where(jobs.c.public_id == job_id).scalar_subquery()
        last = update(job_submitters).where(job_submitters.c.submitter == who)
        connection.execute(last.values(last_tag=job_submitters.c.last_tag + count))

    api.hub.database.write(work)
    api.hub.upkeep.analyse()


def cost(api: Api, what: Callable[[], Any]) -> int:
    """Return how many statements that takes; none of them may have to read all jobs."""
    with statements_of(api) as seen:
        what()
    sqlite = api.hub.database.is_sqlite
    with api.hub.database.engine.connect() as connection:
        if not sqlite:
            connection.exec_driver_sql("SET enable_seqscan = off")  # what is still read whole then has no index
        for statement, parameters in seen:
            if not statement.startswith("SELECT") or any(each in statement for each in READ_WHOLE):
                continue
            explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
            plan = [str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters)]
            assert not [line for line in plan if "SCAN jobs" in line.replace("Seq Scan on", "SCAN")], (statement, plan)
    return len([statement for statement, _ in seen if not statement.startswith("BEGIN")])


def costs(api: Api, attic: Worker) -> dict[str, int]:
    """Return what each thing that is done with jobs costs, done to the last of them."""
    last = submit(api)
    path = f"/api/v2/jobs/{last}"
    taken: list[dict[str, Any]] = []

    def complete() -> None:
        assert attic.upload(taken[0]).status_code == 200
        assert attic.complete(taken[0]).json()["accepted"] is True

    found = {
        "list": cost(api, lambda: api.get("/api/v2/jobs", limit=3)),
        "pending": cost(api, lambda: api.get("/api/v2/jobs", limit=3, status="pending", order="asc")),
        "of a server": cost(api, lambda: api.get("/api/v2/jobs", limit=3, server="attic")),
        "one": cost(api, lambda: job_of(api, last)),
        "check": cost(api, lambda: submit(api)),
        "priority": cost(api, lambda: api.post(f"{path}/priority", {"priority": 1})),
        "move": cost(api, lambda: api.post(f"{path}/move", {"target_server_alias": "attic"})),
        "cancel": cost(api, lambda: api.post(f"{path}/cancel")),
        "retry": cost(api, lambda: api.post(f"{path}/retry")),
        "claim": cost(api, lambda: taken.append(attic.take())),
        "complete": cost(api, complete),
        "a claim after": cost(api, lambda: taken.append(attic.take(running=[]))),
        "hand back": cost(api, lambda: attic.fail(taken[1], retry=True)),
        "page": cost(api, lambda: api.hub.job_counts.by_server()),
    }
    api.post(f"/api/v2/jobs/{taken[1]['id']}/cancel")  # else the next claim would have to pass it by
    return found


def counts(api: Api) -> dict[str, int]:
    told: dict[str, int] = api.get("/api/v2/jobs", limit=1).json()["counts"]
    return told


def test_a_hundred_thousand_jobs_cost_what_ten_do_and_none_is_lost(settings: HubSettings, start_api: Any) -> None:
    api: Api = start_api(settings)
    attic = worker(api).has(checkpoint("base"))
    for _ in range(FEW):
        submit(api)
    costs(api, attic)  # makes what later jobs find: needs, and jobs in every state
    few = costs(api, attic)
    there = sum(counts(api).values())
    # The first of the copied jobs must wait: it stands before all of them.
    copied(api, submit(api), MANY)
    there += 1 + MANY
    many = costs(api, attic)
    assert {what: cost for what, cost in many.items() if cost > few[what] + BESIDE} == {}, few
    there += 2  # what ``costs`` submits
    assert sum(counts(api).values()) == there

    barn = worker(api, "barn").has(checkpoint("base"))
    given: list[dict[str, Any]] = []
    for number in range(CLAIMS):  # every other one is the attic's
        given.append((attic, barn)[number % 2].take(running=[job["id"] for job in given[number % 2 :: 2]]))
    assert len({job["id"] for job in given}) == CLAIMS
    assert counts(api)["processing"] == CLAIMS

    api = start_api(settings)  # as the hub that is started anew, or another process
    attic = Worker(api.with_key("agent", "attic"), "attic").has(checkpoint("base"))
    another = attic.take(running=[job["id"] for job in given[::2]])
    assert another["id"] not in {job["id"] for job in given}
    assert attic.upload(given[0]).status_code == 200 and attic.complete(given[0]).json()["accepted"] is True
    assert counts(api)["processing"] == CLAIMS
    assert sum(counts(api).values()) == there
    assert_whole(api)

    ended = there - counts(api)["pending"] - counts(api)["processing"]
    assert ended > 2
    api.clock.now += 100 * DAY_SECONDS
    while api.hub.keeping.step():
        pass
    assert sum(counts(api).values()) == there - ended
    assert worker(api, "loft").has(checkpoint("base")).claim() is not None


def assert_whole(api: Api) -> None:
    """Check that the needs count the jobs that wait with them, and that each job runs at most once."""
    waits = select(jobs.c.need_id, func.count(), func.min(jobs.c.rank)).where(jobs.c.state == "pending")
    stated = select(job_needs.c.id, job_needs.c.waiting, job_needs.c.head_rank).where(job_needs.c.waiting > 0)
    running = select(job_attempts.c.job_id).where(job_attempts.c.ended_at.is_(None))
    processing = select(jobs.c.id).where(jobs.c.state == "processing")
    with api.hub.database.read() as connection:
        found = sorted(map(tuple, connection.execute(waits.group_by(jobs.c.need_id))))
        assert found == sorted(map(tuple, connection.execute(stated)))
        assert sorted(connection.scalars(running)) == sorted(connection.scalars(processing))

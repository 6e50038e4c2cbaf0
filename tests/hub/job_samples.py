"""What the tests of jobs have in common: servers with models, jobs that need them, and an agent's part of it."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests
from quartermaster.hub.database import among
from quartermaster.hub.jobs.job import RESOLVED, NewJob, Requirement, Submitter
from quartermaster.hub.schema import job_need_servers, job_needs, jobs, models
from quartermaster.hub.services import Hub
from quartermaster.tests.hub.samples import Api, digest_of, entry, sha
from sqlalchemy import func, select

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(30)


def checkpoint(name: str, **more: Any) -> dict[str, Any]:
    return entry(name, path=f"models/Stable-diffusion/{name}.safetensors", type="Checkpoint", **more)


def have(api: Api, server: str, entries: Sequence[dict[str, Any]], hub: Hub | None = None) -> None:
    """Let a server have exactly these, as its agent says, and what that means for jobs be worked out."""
    agent = "agent of " + server
    api.synced({"models": list(entries), "digest": digest_of(list(entries)), "agent_id": agent}, server)
    while (hub or api.hub).changes.digest():
        pass


def ids_of(hub: Hub, names: Iterable[str]) -> dict[str, int]:
    """Return the ids of the models whose content is named so."""
    hashes = {sha(name): name for name in names}
    with hub.database.read() as connection:
        query = select(models.c.hash_sha256, models.c.id).where(among(connection, models.c.hash_sha256, hashes))
        return {hashes[row[0]]: row[1] for row in connection.execute(query)}


def new_job(
    hub: Hub,
    *names: str,
    target: str | None = None,
    priority: int = 0,
    by: str = "somebody",
    **more: Any,
) -> NewJob:
    """Return a job that needs these models, the first of them its checkpoint; one that is not known is not resolved."""
    ids = ids_of(hub, names)
    asked = tuple(
        Requirement(
            "checkpoint" if number == 0 else "lora",
            name,
            source="prompt",
            **({"resolution": RESOLVED, "models": (ids[name],)} if name in ids else {}),
        )
        for number, name in enumerate(names)
    )
    payload = {"prompt": "a cat", "steps": 10, "width": 1000, "height": 1000}
    return NewJob("txt2img", payload, {}, asked, Submitter(by, by), target_server_id=target, priority=priority, **more)


def queued(hub: Hub, *new: NewJob) -> list[str]:
    return hub.database.write(lambda connection: hub.queue.add(connection, new))


def row(hub: Hub, public_id: str) -> Any:
    with hub.database.read() as connection:
        return connection.execute(select(jobs).where(jobs.c.public_id == public_id)).one()


def check_needs(hub: Hub) -> None:
    """Hold what is kept of needs against the jobs and the places that it follows from."""
    with hub.database.read() as connection:
        waiting = (
            select(jobs.c.need_id, func.count(), func.min(jobs.c.rank))
            .where(jobs.c.state == "pending", jobs.c.need_id.is_not(None))
            .group_by(jobs.c.need_id)
        )
        counted = {line[0]: (line[1], line[2]) for line in connection.execute(waiting)}
        rows = connection.execute(select(job_needs)).all()
        stated = {
            line.id: (line.waiting, line.head_rank) for line in rows if line.waiting or line.head_rank is not None
        }
        assert stated == counted
        able = {pair: counted[pair[0]][1] for pair in hub.needs.able(connection, counted)} if counted else {}
        listed = connection.execute(select(job_need_servers)).all()
        assert {(line.need_id, line.server_id): line.head_rank for line in listed} == able
        checkpoints = {line.id: line.checkpoint_id for line in rows}
        assert all(line.checkpoint_id == checkpoints[line.need_id] for line in listed)


def stand_still(hub: Hub, name: str) -> None:
    """Let a background job do nothing: the test does its work, at its own time."""
    [job] = [job for job in hub.jobs if job.name == name]
    job.work = lambda: False


@dataclass
class Agent:
    """A server's agent, as far as jobs go."""

    api: Api
    server: str
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The jobs that it has, by their ids."""

    def ask(self, **more: Any) -> requests.Response:
        body = {"agent_id": "agent of " + self.server, "running": list(self.runs), **more}
        return self.api.post(f"/api/v1/servers/{self.server}/jobs/claim", body)

    def claim(self, **more: Any) -> dict[str, Any] | None:
        """Ask for a job, and have it in hand if there is one."""
        answer = self.ask(**more)
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] | None = answer.json()["job"]
        if job is not None:
            self.runs[job["id"]] = job
        return job

    def claimed(self, **more: Any) -> str:
        """Return the id of the job that it is given."""
        job = self.claim(**more)
        assert job is not None
        return str(job["id"])

    def say(self, what: str, job: dict[str, Any], **more: Any) -> requests.Response:
        return self.api.post(f"/api/v1/jobs/{job['id']}/{what}", {"lease": job["lease"], **more})

    def give_up(self, code: str = "out_of_memory") -> None:
        """Fail all that it has."""
        for job in self.runs.values():
            assert self.say("fail", job, code=code, message="there is no room").status_code == 200
        self.runs.clear()

    def hand_over(self, job: dict[str, Any], n: int = 0, content: bytes = PNG) -> dict[str, Any]:
        """Send an image and return how it is named when the job is completed."""
        path = f"/api/v1/jobs/{job['id']}/images/{n}"
        headers = {"X-Job-Lease": job["lease"], "Content-Type": "image/png"}
        answer = self.api.call("PUT", path, data=content, headers=headers)
        assert answer.status_code == 200, answer.text
        return {"n": n, "sha256": hashlib.sha256(content).hexdigest()}

    def complete(self, job: dict[str, Any], infotext: str = "", **more: Any) -> requests.Response:
        image = {**self.hand_over(job), "infotext": infotext}
        answer = self.say("complete", job, images=[image], **more)
        if answer.status_code == 200:
            self.runs.pop(job["id"], None)
        return answer


def agent(api: Api, server: str) -> Agent:
    return Agent(api.with_key("agent", server), server)

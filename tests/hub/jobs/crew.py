"""Agents and people of tests, who speak to a hub over its socket and nothing else."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import requests
from quartermaster.tests.fakes.images import plain, png
from quartermaster.tests.hub.samples import Api, entry, sha

IMAGE = png(plain("parameters", "a cat"))


def checkpoint(name: str, **more: Any) -> dict[str, Any]:
    return entry(name, path=f"models/Stable-diffusion/{name}.safetensors", type="Checkpoint", **more)


def infotext(**models: str) -> str:
    """Return what a web UI writes into an image: these fields (``Model_hash``: ``Model hash``) and some of its own."""
    fields = {"Steps": "4", "Sampler": "Euler", "Seed": "1", "Size": "64x64"}
    fields |= {name.replace("_", " "): value for name, value in models.items()}
    return "a cat\n" + ", ".join(f"{name}: {value}" for name, value in fields.items())


@dataclass
class Worker:
    """A server's agent."""

    api: Api
    server: str
    agent_id: str = "an agent"
    holds: list[dict[str, Any]] = field(default_factory=list)

    def has(self, *entries: dict[str, Any]) -> "Worker":
        """Tell the hub that the server has just these models."""
        self.holds = list(entries)
        self.api.synced({"models": self.holds, "agent_id": self.agent_id}, self.server)
        return self

    def ask(self, **more: Any) -> requests.Response:
        body = {"protocol": 1, "agent_id": self.agent_id, "wait_seconds": 0, "running": [], **more}
        return self.api.post(f"/api/v1/servers/{self.server}/jobs/claim", body)

    def claim(self, **more: Any) -> dict[str, Any] | None:
        answer = self.ask(**more)
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] | None = answer.json()["job"]
        return job

    def take(self, **more: Any) -> dict[str, Any]:
        job = self.claim(**more)
        assert job is not None
        return job

    def progress(self, job: dict[str, Any], **more: Any) -> requests.Response:
        body = {"lease": job["lease"], "progress": 0.5, "phase": "running", **more}
        return self.api.post(f"/api/v1/jobs/{job['id']}/progress", body)

    def upload(self, job: dict[str, Any], content: Any = IMAGE, n: int = 0, **headers: str) -> requests.Response:
        headers = {"X-Job-Lease": job["lease"], "Content-Type": "image/png", **headers}
        return self.api.call("PUT", f"/api/v1/jobs/{job['id']}/images/{n}", data=content, headers=headers)

    def complete(self, job: dict[str, Any], **more: Any) -> requests.Response:
        image = {"n": 0, "sha256": hashlib.sha256(IMAGE).hexdigest(), "infotext": infotext(Model_hash=sha("base")[:10])}
        body = {"lease": job["lease"], "images": [image], "seconds": 1.5, **more}
        return self.api.post(f"/api/v1/jobs/{job['id']}/complete", body)

    def fail(self, job: dict[str, Any], **more: Any) -> requests.Response:
        body = {"lease": job["lease"], "code": "broken", "message": "it broke", "retry": False, **more}
        return self.api.post(f"/api/v1/jobs/{job['id']}/fail", body)


def worker(api: Api, server: str = "attic", agent_id: str = "an agent") -> Worker:
    """Return an agent with a key for its own server."""
    return Worker(api.with_key("agent", server), server, agent_id)


def submit(api: Api, name: str = "base", **more: Any) -> str:
    """Queue a job for a checkpoint and return its id."""
    parameters = {"positive_prompt": "a cat", "checkpoint_name": f"{name}.safetensors", **more}
    answer = api.post("/api/v2/generate", {"target_server_alias": "any", "generation_params": parameters})
    assert answer.status_code == 202, answer.text
    made: str = answer.json()["stablequeue_job_id"]
    return made


def job_of(api: Api, job_id: str) -> dict[str, Any]:
    answer = api.get(f"/api/v2/jobs/{job_id}/status")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()["job"]
    return told


def refused(answer: requests.Response, status: int, error: str | None = None) -> dict[str, Any]:
    """Return an error in the shape of all errors."""
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    told: dict[str, Any] = answer.json()
    assert set(told) == {"success", "error", "message", "details"} and told["message"], told
    assert error in {None, told["error"]}, told
    return told

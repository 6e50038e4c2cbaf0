"""An agent that takes jobs over a hub's own routes and makes pictures of its own: what the pages about jobs look at."""

import base64
import hashlib
import struct
import zlib
from typing import Any

from quartermaster.tests.fakes.images import chunk, international
from quartermaster.tests.hub.samples import Api


def picture(seed: str, side: int = 96, infotext: str = "") -> bytes:
    """Return a PNG whose colours flow in a way of its own, with an infotext where there is one."""
    a, b, c = hashlib.sha256(seed.encode()).digest()[:3]
    rows = bytearray()
    for y in range(side):
        rows.append(0)
        for x in range(side):
            wave = abs((x * (2 + a % 3) + y * (1 + b % 4)) * 256 // side % 512 - 256)
            rows += bytes(
                (min(255, (a + wave) // 2), min(255, (b + 255 * y // side) // 2), min(255, (c + 255 - wave) // 2))
            )
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    texts = [international("parameters", infotext)] if infotext else []
    parts = [(b"IHDR", head), *texts, (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


class JobAgent:
    """One server's agent; ``loaded`` is the checkpoint that its web UI has."""

    def __init__(self, hub: Api, server: str) -> None:
        self.server = server
        self._api = hub.with_key("agent", server)
        self._lease = ""

    def claim(self, wait_seconds: float = 0) -> dict[str, Any] | None:
        """Ask for a job."""
        body = {"protocol": 1, "agent_id": self.server, "wait_seconds": wait_seconds, "running": [], "runtime": "forge"}
        answer = self._api.post(f"/api/v1/servers/{self.server}/jobs/claim", body)
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] | None = answer.json()["job"]
        if job is not None:
            self._lease = job["lease"]
        return job

    def take(self) -> dict[str, Any]:
        """Ask for a job that must be there."""
        job = self.claim(20)
        assert job is not None
        return job

    def progress(self, job: dict[str, Any], share: float, **more: Any) -> int:
        """Report how far it is; return the status of the answer: 409 where the job is its own no more."""
        body = {"lease": self._lease, "progress": share, "phase": "running", **more}
        return self._api.post(f"/api/v1/jobs/{job['id']}/progress", body).status_code

    def preview(self, job: dict[str, Any], share: float, seed: str, **more: Any) -> int:
        """Report with a picture."""
        return self.progress(job, share, preview=base64.b64encode(picture(seed, 64)).decode(), **more)

    def complete(self, job: dict[str, Any], infotext: str, count: int = 1) -> None:
        """Hand over pictures, and say that it is done."""
        images = []
        for n in range(count):
            content = picture(f"{job['id']} {n}", 160, infotext)
            sent = self._api.call(
                "PUT",
                f"/api/v1/jobs/{job['id']}/images/{n}",
                data=content,
                headers={"X-Job-Lease": self._lease, "Content-Type": "image/png"},
            )
            assert sent.status_code == 200, sent.text
            images.append({"n": n, "sha256": hashlib.sha256(content).hexdigest(), "infotext": infotext})
        body = {"lease": self._lease, "images": images, "seconds": 7.5}
        answer = self._api.post(f"/api/v1/jobs/{job['id']}/complete", body)
        assert answer.status_code == 200, answer.text

    def fail(self, job: dict[str, Any], code: str, message: str, *, retry: bool = False) -> None:
        """Say that it did not work, or that another one shall do it."""
        body = {"lease": self._lease, "code": code, "message": message, "retry": retry, "missing": []}
        answer = self._api.post(f"/api/v1/jobs/{job['id']}/fail", body)
        assert answer.status_code == 200, answer.text

"""Jobs as an agent deals with them: it claims one, says how far it is, hands over images, and ends it.

Every method raises a ``HubError`` where it fails. A ConflictError with the code ``lease_lost`` (its ``details`` have
the job's ``state``) means that the job is not this agent's any more: it stops working on it. A NotFoundError with the
code ``job_not_found`` means the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .calls import FAREWELL, Calls
from .connection import Bounds, Content
from .errors import BadAnswerError, MalformedMessageError
from .fields import Fields
from .messages import PROTOCOL
from .retry import NO_RETRY
from .segments import segment
from .transport import Timeouts

LEASE_LOST = "lease_lost"
"""The code of the ConflictError by which an agent learns that a job is not its own any more."""

CLAIM_WAIT_SECONDS = 25.0
"""How long a claim waits at the hub for a job to come."""

MAX_IMAGE_BYTES = 64 * 1024 * 1024
MAX_PREVIEW_BYTES = 256 * 1024

PROGRESS_TIMEOUTS = Timeouts(connect_seconds=3.0, read_seconds=10.0, total_seconds=15.0)
"""A heartbeat is sent once, briefly: the next one follows in time, before the lease ends."""

UPLOAD_TIMEOUTS = Timeouts(read_seconds=60.0, total_seconds=600.0)
"""64 MiB over a line of 1 Mbit/s."""

_CLAIM_SLACK_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Claim:
    """What a server says when it asks for a job.

    ``running`` are the ids of jobs that it works on: any other that the hub believes to be leased to it is taken back.
    ``loaded`` is the SHA-256 of the checkpoint that is loaded, ``runtime`` what it runs (``forge``, ``a1111``, …).
    """

    agent_id: str
    running: Sequence[str] = ()
    loaded: str | None = None
    runtime: str | None = None
    wait_seconds: float = CLAIM_WAIT_SECONDS

    def to_wire(self) -> dict[str, Any]:
        return {
            "protocol": PROTOCOL,
            "agent_id": self.agent_id,
            "wait_seconds": self.wait_seconds,
            "running": list(self.running),
            "loaded": self.loaded,
            "runtime": self.runtime,
        }


@dataclass(frozen=True, slots=True)
class NeededModel:
    """A model that a job needs, as it was asked for, and what fills it on this server.

    ``sha256`` are the hashes any of which will do, ``paths`` where this server said it has them; ``source`` is where
    the job names it (``prompt``, a parameter's name).
    """

    slot: int
    role: str
    name: str
    sha256: tuple[str, ...]
    paths: tuple[str, ...] = ()
    source: str = ""
    weight: float | None = None

    @classmethod
    def from_wire(cls, wire: object, where: str = "") -> "NeededModel":
        """Read one; raises MalformedMessageError where a key is missing or wrong."""
        fields = Fields(wire, where)
        sha256 = fields.items("sha256", str)
        if not sha256:
            raise MalformedMessageError(fields.path("sha256"), "has no hash: any model would do")
        return cls(
            slot=fields.need("slot", int),
            role=fields.need("role", str),
            name=fields.may("name", str) or "",
            sha256=tuple(text.lower() for text in sha256),
            paths=fields.items("paths", str),
            source=fields.may("source", str) or "",
            weight=fields.may("weight", float),
        )


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job that was given to this server, until its lease ends.

    ``payload`` is the body of the web UI's ``/sdapi/v1/{mode}`` without models and images; ``inputs`` are its images in
    base64 by their path in the payload (``init_images.0``).
    """

    id: str
    lease: str
    lease_seconds: float
    attempt: int
    mode: str
    payload: Mapping[str, Any]
    requirements: tuple[NeededModel, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)
    target_server_id: str | None = None
    title: str = ""

    @classmethod
    def from_wire(cls, wire: object, where: str = "job") -> "ClaimedJob":
        """Read one; raises MalformedMessageError where a key is missing or wrong."""
        fields = Fields(wire, where)
        inputs = Fields(fields.may("inputs", dict) or {}, fields.path("inputs"))
        fields.need("requirements", list)
        needed = fields.items("requirements", dict)
        return cls(
            id=fields.need("id", str),
            lease=fields.need("lease", str),
            lease_seconds=fields.need("lease_seconds", float),
            attempt=fields.need("attempt", int),
            mode=fields.need("mode", str),
            payload=fields.need("payload", dict),
            requirements=tuple(
                NeededModel.from_wire(item, f"{fields.path('requirements')}[{index}]")
                for index, item in enumerate(needed)
            ),
            inputs={path: inputs.need(path, str) for path in inputs.wire},
            target_server_id=fields.may("target_server_id", str),
            title=fields.may("title", str) or "",
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: ``progress`` from 0 to 1, ``phase`` one of preparing, loading, running, saving.

    ``preview`` is a JPEG, PNG or WebP in base64, of at most 256 KiB.
    """

    progress: float
    phase: str
    step: int | None = None
    steps: int | None = None
    eta_seconds: float | None = None
    preview: str | None = None

    def to_wire(self) -> dict[str, Any]:
        wire = {
            "progress": self.progress,
            "phase": self.phase,
            "step": self.step,
            "steps": self.steps,
            "eta_seconds": self.eta_seconds,
            "preview": self.preview,
        }
        return {name: value for name, value in wire.items() if value is not None}


@dataclass(frozen=True, slots=True)
class MadeImage:
    """An image that was handed over before: its number, the SHA-256 of its bytes, and the infotext of the web UI."""

    n: int
    sha256: str
    infotext: str | None = None

    def to_wire(self) -> dict[str, Any]:
        return {"n": self.n, "sha256": self.sha256, "infotext": self.infotext}


class JobWork:
    """The work on jobs, with an agent's key: ``HubClient.work``."""

    def __init__(self, hub: Calls) -> None:
        self._hub = hub

    def claim(self, server_id: str, claim: Claim) -> ClaimedJob | None:
        """Ask for a job and wait for one; None when none came in time.

        Once the client's stop event is set it ends within a fraction of a second with a StoppedError. Repeating it does
        no harm: a job whose answer was lost is taken back by the next claim.
        """
        bounds = self._hub.bounds
        waiting = claim.wait_seconds + _CLAIM_SLACK_SECONDS
        timeouts = replace(bounds.timeouts, read_seconds=waiting, total_seconds=waiting + _CLAIM_SLACK_SECONDS)
        answer = self._hub.call(
            "POST",
            f"/api/v1/servers/{segment(server_id, 'a server')}/jobs/claim",
            claim.to_wire(),
            repeatable=True,
            bounds=replace(bounds, timeouts=timeouts),
        )
        with self._hub.naming_the_hub():
            wire = Fields(answer).may("job", dict)
            return None if wire is None else ClaimedJob.from_wire(wire)

    def progress(self, job_id: str, lease: str, progress: Progress) -> float:
        """Say how far a job is, which keeps its lease; return how long that holds now, in seconds.

        It is sent once, and waits 15 s at most.
        """
        bounds = replace(self._hub.bounds, timeouts=PROGRESS_TIMEOUTS, retry=NO_RETRY)
        answer = self._post(job_id, "progress", {"lease": lease, **progress.to_wire()}, bounds)
        with self._hub.naming_the_hub():
            return Fields(answer).need("lease_seconds", float)

    def upload(self, job_id: str, lease: str, n: int, image: Content) -> None:
        """Hand over image ``n`` (from 0), of at most 64 MiB. Repeating it does no harm."""
        bounds = replace(self._hub.bounds, timeouts=UPLOAD_TIMEOUTS)
        path = f"/api/v1/jobs/{segment(job_id, 'a job')}/images/{n}"
        self._hub.call("PUT", path, image, headers={"X-Job-Lease": lease}, repeatable=True, bounds=bounds)

    def complete(
        self, job_id: str, lease: str, images: Sequence[MadeImage], *, seconds: float, loaded: str | None = None
    ) -> None:
        """Say that a job is done, and which of the images that were handed over are its result.

        ``seconds`` is how long the run itself took, ``loaded`` the SHA-256 of the checkpoint that is loaded now.
        Repeating it does no harm.

        Raises:
            BadAnswerError: of the field ``accepted``: the hub did not take the result, and the job has ended otherwise:
                the infotexts name another model than it asked for.
        """
        body = {"lease": lease, "images": [image.to_wire() for image in images], "seconds": seconds, "loaded": loaded}
        answer = self._post(job_id, "complete", body, self._hub.bounds)
        with self._hub.naming_the_hub():
            fields = Fields(answer)
            accepted, why = fields.need("accepted", bool), fields.may("message", str) or fields.may("state", str)
        if not accepted:
            why = "".join(c if c.isprintable() else " " for c in why or "it did not say why")[:500]
            raise BadAnswerError(
                f"the hub at {self._hub.address} did not accept the result of job {job_id}: {why}", field="accepted"
            )

    def fail(
        self,
        job_id: str,
        lease: str,
        code: str,
        message: str,
        *,
        retry: bool = False,
        missing: Sequence[str] = (),
        farewell: bool = False,
    ) -> None:
        """Say that a job failed or, with ``retry``, hand it back: another server (or this one, later) may run it.

        ``missing`` are hashes of models that this server does not have, whatever its inventory says. ``farewell`` sends
        it once, briefly, and though the stop event is set: it is what a stopping agent says.
        """
        body = {"lease": lease, "code": code, "message": message, "retry": retry, "missing": list(missing)}
        self._post(job_id, "fail", body, FAREWELL if farewell else self._hub.bounds)

    def _post(self, job_id: str, word: str, body: Mapping[str, Any], bounds: Bounds) -> Any:
        path = f"/api/v1/jobs/{segment(job_id, 'a job')}/{word}"
        return self._hub.call("POST", path, body, repeatable=True, bounds=bounds)

"""What runs a job: a web UI, spoken to over its ``--api`` address or within its own process.

A runner has one engine and gives it one job at a time. ``run`` blocks the thread that calls it; ``progress`` and
``interrupt`` come meanwhile from another. An engine knows nothing of hubs, leases and inventories: it is given a
request in which every model stands under this web UI's own name, and gives back what came of it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

CHECKPOINTS = "checkpoints"
LORAS = "loras"
HYPERNETWORKS = "hypernetworks"
VAES = "vaes"
MODULES = "modules"
"""Forge's list of VAEs and text encoders; a web UI that has it takes ``forge_additional_modules``, not ``sd_vae``."""
EMBEDDINGS = "embeddings"
CONTROLNETS = "controlnets"
UPSCALERS = "upscalers"
OPTIONS = "options"
"""The keys of its settings: one that it does not have in ``override_settings`` ends a run of A1111's."""
LISTS = (CHECKPOINTS, LORAS, HYPERNETWORKS, VAES, MODULES, EMBEDDINGS, CONTROLNETS, UPSCALERS, OPTIONS)

PREPARING = "preparing"
LOADING = "loading"
RUNNING = "running"
SAVING = "saving"


@dataclass(frozen=True, slots=True)
class Listed:
    """One model as the web UI lists it.

    ``name`` is what a request must say to mean it (a checkpoint's title, a LoRA's name); ``path`` is its file as the
    web UI says it, None where it does not say. ``sha256`` is what the web UI believes, from a cache of its own.
    """

    name: str
    path: str | None = None
    sha256: str | None = None


MOST_IMAGES = 256
"""Of one run, whose images all come at once."""

Names = Mapping[str, tuple[Listed, ...]]
"""One of ``LISTS`` -> what the web UI lists there now. A list that this web UI does not have is absent."""


@dataclass(frozen=True)
class Request:
    """What is to be run: the body of ``/sdapi/v1/<mode>``, complete; ``task_id`` names the run, in no other use."""

    mode: str
    body: Mapping[str, Any]
    task_id: str


@dataclass(frozen=True)
class Image:
    """One image as it was made: the bytes of its file (PNG, JPEG, WebP or AVIF) and its infotext."""

    content: bytes
    content_type: str
    infotext: str


@dataclass(frozen=True)
class Result:
    """What a run gave. ``interrupted``: it was ended early, by whomever, and the images are not all or not whole."""

    images: tuple[Image, ...]
    interrupted: bool = False


@dataclass(frozen=True)
class Preview:
    """What an image looks like so far: the bytes of a PNG, JPEG or WebP file."""

    content: bytes
    content_type: str


@dataclass(frozen=True)
class Progress:
    """How far a run is: ``fraction`` 0 to 1, ``phase`` one of the above.

    ``mark`` changes whenever something went on: two equal ones a long while apart are a run that hangs. A run that
    waits because somebody else's is in front of it is not ``begun``.
    """

    fraction: float = 0.0
    phase: str = PREPARING
    begun: bool = False
    step: int | None = None
    steps: int | None = None
    eta_seconds: float | None = None
    preview: Preview | None = None
    mark: object = field(default=None, compare=False)


def images_of(body: Mapping[str, Any]) -> int:
    """Return how many images a request is for; 1 where a script decides."""
    counts = [body.get(key, 1) for key in ("batch_size", "n_iter")]
    if body.get("script_name") or any(type(count) is not int for count in counts):
        return 1
    return int(counts[0]) * int(counts[1])


class EngineError(Exception):
    """A job could not be run; the message says why, for a person, and holds no secret."""


class EngineAwayError(EngineError):
    """The web UI does not answer, or not as a web UI; it may have been stopped, or be starting."""


class EngineStuckError(EngineError):
    """The web UI answers, but the run has not gone on for too long."""


class RequestRefusedError(EngineError):
    """The web UI does not take this request as it is: an unknown sampler, a script that it does not have."""


class RunFailedError(EngineError):
    """The web UI took the request and failed in running it: out of memory, a broken file."""


class NoRoomError(EngineError):
    """The web UI could not save what it made: its disk is full."""


class Engine(Protocol):
    """The protocol. Each method may raise ``EngineAwayError``."""

    @property
    def runtime(self) -> str:
        """The catalogue's name of this program: ``forge`` or ``a1111``."""

    def names(self, lists: Collection[str] = LISTS) -> Names:
        """Return what the web UI lists now: at least these lists, where it has them."""

    def refresh(self, lists: Collection[str]) -> None:
        """Have the web UI look anew for the files of these lists; one that it cannot refresh is left as it is."""

    def busy(self) -> str | None:
        """Return why a job should not begin now (somebody generates by hand), in words; None where it may."""

    def loaded_checkpoint(self) -> str | None:
        """Return the SHA-256 of the checkpoint that is loaded, as far as the web UI says."""

    def run(self, request: Request) -> Result:
        """Run a request to its end and return what it gave.

        Raises:
            EngineError: one of the above.
        """

    def progress(self, task_id: str, *, preview: bool = False) -> Progress:
        """Return how far a run is, with a preview where one is wanted and there is one."""

    def interrupt(self, task_id: str) -> None:
        """End a run early, whether it has begun or waits; never one of somebody else's. Done again it is harmless."""

    def close(self) -> None:
        """Let go of everything; a run under way that cannot be ended is waited for no more (``EngineAwayError``)."""

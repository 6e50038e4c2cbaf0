"""A job as it is asked for: pure values, between what reads a request and what queues it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PENDING = "pending"
PROCESSING = "processing"
COMPLETED = "completed"
FAILED = "failed"
CANCELLED = "cancelled"
STATES = (PENDING, PROCESSING, COMPLETED, FAILED, CANCELLED)
DONE = frozenset({COMPLETED, FAILED, CANCELLED})

RESOLVED = "resolved"
UNKNOWN = "unknown"
AMBIGUOUS = "ambiguous"

TXT2IMG = "txt2img"
IMG2IMG = "img2img"

LOWEST_PRIORITY, HIGHEST_PRIORITY = -10, 10
MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class Requirement:
    """A model that a job asks for, and what that means.

    ``role`` is one of ``ecosystems.infotext.resource``'s, or ``refiner``; ``name`` as it was written, ``hash`` the
    digits that were asked for, ``civitai_version_id`` the version at Civitai, ``source`` where it stands (``prompt``,
    ``negative_prompt`` or a parameter's name). ``models`` are ids of the models any of which will do (equal tensors),
    none unless ``resolution`` is ``resolved``; ``candidates`` are ids of those that it could mean.
    """

    role: str
    name: str
    hash: str | None = None
    source: str = ""
    weight: float | None = None
    resolution: str = UNKNOWN
    models: tuple[int, ...] = ()
    candidates: tuple[int, ...] = ()
    civitai_version_id: int | None = None


@dataclass(frozen=True)
class Submitter:
    """Whose job it is: the id of a key (or ``session``), its name, and what sent it, in its own words."""

    id: str
    name: str = ""
    source: str | None = None


@dataclass(frozen=True)
class NewJob:
    """A job to be queued.

    ``payload`` is the body of the web UI's ``/sdapi/v1/txt2img`` or ``img2img``, without the settings that choose
    models and without images; ``inputs`` are its images in base64, by their path in the payload (``init_images.0``).
    ``asked`` is the request as it was sent, without images. ``target_server_id`` None: any server.
    """

    mode: str
    payload: Mapping[str, Any]
    asked: Mapping[str, Any]
    requirements: tuple[Requirement, ...]
    submitter: Submitter
    target_server_id: str | None = None
    priority: int = 0
    inputs: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    bulk_id: str | None = None
    max_attempts: int = MAX_ATTEMPTS

"""What a server has of the models that a job asks for, at the moment at which it is asked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, or_, select

from ...ecosystems.infotext.compare import Expected
from ..ages import PRESENT
from ..database import Record, among
from ..entries import VERIFIED
from ..schema import model_metadata, models, placements
from .job import Requirement
from .needs import Needs


@dataclass(frozen=True)
class Holding:
    """A server's files for each requirement of a job: ``told`` to its agent, and what is kept as what it ``had``."""

    told: list[dict[str, Any]]
    had: list[dict[str, Any]]


def held_by(
    connection: Connection, needs: Needs, server_id: str, requirements: Sequence[Requirement]
) -> Holding | None:
    """Return what a server has of these requirements now; None where it lacks one."""
    here = placements.c
    asked = {model_id for each in requirements for model_id in each.models}
    query = (
        select(here.model_id, here.path, here.hash_state)
        .where(here.server_id == server_id, here.state == PRESENT, among(connection, here.model_id, asked))
        .where(~needs.distrusted(here.server_id, here.model_id))
    )
    files: dict[int, list[Record]] = {}
    for row in connection.execute(query):
        files.setdefault(row.model_id, []).append(row)
    hashes = _sha256_of(connection, asked)
    told, had = [], []
    for slot, each in enumerate(requirements):
        mine = [file for model_id in each.models for file in files.get(model_id, [])]
        if not mine:
            return None
        mine.sort(key=lambda file: (file.hash_state != VERIFIED, file.path))
        told.append(
            {
                "slot": slot,
                "role": each.role,
                "name": each.name,
                "source": each.source,
                "weight": each.weight,
                "sha256": [hashes[model_id] for model_id in each.models if hashes.get(model_id)],
                "paths": [file.path for file in mine],
            }
        )
        had += [
            {"slot": slot, "role": each.role, "path": file.path, "sha256": hashes.get(file.model_id)} for file in mine
        ]
    return Holding(told, had)


def loaded_as(connection: Connection, sha256: str | None) -> frozenset[int]:
    """Return the ids of the models that a loaded checkpoint is: those of its hash, and of its tensors."""
    if sha256 is None:
        return frozenset()
    rows = connection.execute(select(models.c.id, models.c.hash_tensor).where(models.c.hash_sha256 == sha256)).all()
    found = {row.id for row in rows}
    tensors = [row.hash_tensor for row in rows if row.hash_tensor is not None]
    for tensor in tensors:
        twins = select(models.c.id).where(models.c.hash_autov3 == tensor[:12], models.c.hash_tensor == tensor)
        found.update(connection.scalars(twins))
    return frozenset(found)


def hashes_of(connection: Connection, checkpoint_id: int | None) -> frozenset[str]:
    """Return the SHA-256 of a checkpoint and of those with its tensors: whoever has one loaded has it loaded."""
    columns = (models.c.hash_sha256, models.c.hash_tensor)
    row = connection.execute(select(*columns).where(models.c.id == checkpoint_id)).first()
    if row is None or row.hash_tensor is None:
        return frozenset() if row is None else frozenset({row.hash_sha256})
    twins = (models.c.hash_autov3 == row.hash_tensor[:12], models.c.hash_tensor == row.hash_tensor)
    return frozenset(connection.scalars(select(models.c.hash_sha256).where(*twins)))


def expected(
    connection: Connection, requirements: Sequence[Requirement], had: Sequence[dict[str, Any]]
) -> list[Expected]:
    """Return what an infotext may state of the models of these requirements; ``had`` is what the server had."""
    asked = {model_id for each in requirements for model_id in each.models}
    described = or_(
        model_metadata.c.digest == models.c.metadata_digest,
        model_metadata.c.digest == models.c.registered_metadata_digest,
    )
    query = (
        select(models.c.id, models.c.hash_sha256, models.c.hash_tensor, model_metadata.c.claimed_v3)
        .outerjoin(model_metadata, described)
        .where(among(connection, models.c.id, asked))
    )
    rows: dict[int, list[Record]] = {}
    for row in connection.execute(query):
        rows.setdefault(row.id, []).append(row)
    listed = []
    for slot, each in enumerate(requirements):
        known = [row for model_id in each.models for row in rows.get(model_id, [])]
        names = [str(file["path"]) for file in had if file.get("slot") == slot]
        listed.append(
            Expected(
                each.role,
                tuple(dict.fromkeys([*names, *([each.name] if each.name else [])])),
                tuple(dict.fromkeys(row.hash_sha256 for row in known if row.hash_sha256)),
                tuple(dict.fromkeys(row.hash_tensor for row in known if row.hash_tensor)),
                tuple(dict.fromkeys(row.claimed_v3 for row in known if row.claimed_v3)),
            )
        )
    return listed


def _sha256_of(connection: Connection, model_ids: Collection[int]) -> dict[int, str | None]:
    query = select(models.c.id, models.c.hash_sha256).where(among(connection, models.c.id, model_ids))
    return {row.id: row.hash_sha256 for row in connection.execute(query)}

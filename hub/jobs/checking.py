"""What a job's requirements come to now: where each model is, what goes together, who could run it, what is wanting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...ecosystems.infotext.resource import CHECKPOINT
from ...ecosystems.records import NONE, PARTIAL
from ...ecosystems.records import UNKNOWN as NOT_KNOWN
from ..ages import PRESENT
from ..availability import Availability, Match, summary
from ..catalogues import Catalogues
from ..database import Record
from ..fitting import ADDON_TYPES
from .facts import Facts, Server
from .job import AMBIGUOUS, RESOLVED, UNKNOWN, Requirement
from .requirements import CHECKPOINT_SETTING, REFINER
from .titles import title_of
from .warned import Warned

DEFAULT_RUNTIME = "forge"
_MOST_NAMES = 5
"""Models or servers that one message names."""


@dataclass(frozen=True)
class Checked:
    """What the requirements of a job come to.

    ``requirements`` and ``able`` as answers show them, ``waiting`` why it could not run now (None: a server could), and
    ``warnings``.
    """

    requirements: list[dict[str, Any]]
    able: list[dict[str, Any]]
    waiting: Warned | None
    warnings: list[Warned]


class Checker:
    """Works out what the requirements of jobs come to; asks no database."""

    def __init__(self, availability: Availability, catalogues: Catalogues) -> None:
        self._availability = availability
        self._catalogues = catalogues

    def check(
        self, requirements: Sequence[Requirement], target: str | None, facts: Facts, app_type: str | None = None
    ) -> Checked:
        """Return what these requirements come to; ``app_type`` is the web UI that is asked for."""
        shown = self._shown(requirements, facts, self._runtime(target, facts, app_type))
        holders = [_holders(each, facts) for each in requirements]
        able = _able(requirements, holders, None, facts)
        for_target = [each for each in able if target is None or each.id == target]
        return Checked(
            requirements=shown,
            able=[_shown_server(each, requirements[0], facts) for each in for_target],
            waiting=_waiting(requirements, holders, target, able, facts),
            warnings=_warnings(requirements, shown),
        )

    def _runtime(self, target: str | None, facts: Facts, app_type: str | None) -> str:
        server = facts.servers.get(target) if target is not None else None
        named = (server.runtime if server is not None else None) or app_type
        return named if named is not None and self._catalogues.current.find_runtime(named) else DEFAULT_RUNTIME

    def _shown(self, requirements: Sequence[Requirement], facts: Facts, runtime: str) -> list[dict[str, Any]]:
        checkpoint = _model(requirements[0], facts) if requirements else None
        shown = []
        for slot, each in enumerate(requirements):
            shown.append(
                {
                    "slot": slot,
                    "role": each.role,
                    "name": each.name,
                    "hash": each.hash,
                    "source": each.source,
                    "weight": each.weight,
                    "resolution": each.resolution,
                    **self._state(each, facts),
                    "fit": None if slot == 0 else self._fit(checkpoint, each, facts, runtime),
                }
            )
        return shown

    def _state(self, each: Requirement, facts: Facts) -> dict[str, Any]:
        """Return status, model, servers and candidates; worked out once for what several jobs ask for."""
        key = (each.resolution, each.models, each.candidates)
        if key not in facts.cache:
            facts.cache[key] = self._state_now(each, facts)
        state: dict[str, Any] = facts.cache[key]
        return state

    def _state_now(self, each: Requirement, facts: Facts) -> dict[str, Any]:
        match = Match()
        for model_id in each.models if each.resolution == RESOLVED else ():
            if model_id in facts.models:
                match.add(facts.models[model_id], "id")
        answer = self._availability.of_matches([match], facts.here)[0]
        candidates = [
            {**summary(facts.models[key]), "matched_by": "name"} for key in each.candidates if key in facts.models
        ]
        return {
            "status": each.resolution if each.resolution != RESOLVED else answer["status"],
            "model": answer["model"],
            "servers": answer["servers"],
            "sources": answer["sources"],
            "candidates": candidates,
        }

    def _fit(self, checkpoint: Record | None, each: Requirement, facts: Facts, runtime: str) -> dict[str, Any] | None:
        """Return whether an add-on goes with the checkpoint, None for what is used instead of it."""
        addon = _model(each, facts)
        if each.role in {CHECKPOINT, REFINER} or (addon is not None and addon.type not in ADDON_TYPES):
            return None
        subject = None if checkpoint is None else checkpoint.base_model or checkpoint.ecosystem
        if subject is None:
            return {"grade": NOT_KNOWN, "reason": "it is not known what the checkpoint is based on"}
        made_for = None if addon is None else addon.base_model or addon.ecosystem
        if addon is None or made_for is None:
            return {"grade": NOT_KNOWN, "reason": "it is not known what this is made for"}
        key = ("fit", subject, made_for, addon.type, runtime)
        if key not in facts.cache:
            verdict = self._catalogues.current.verdict(subject, made_for, addon.type, "generation", runtime)
            facts.cache[key] = {"grade": verdict.grade, "reason": verdict.reason}
        fit: dict[str, Any] = facts.cache[key]
        return fit


def _model(each: Requirement, facts: Facts) -> Record | None:
    """Return the model that a requirement means, None where that is not settled."""
    return next((facts.models[key] for key in each.models if key in facts.models), None)


def _holders(each: Requirement, facts: Facts) -> frozenset[str]:
    """Return the servers that have what is asked for now."""
    if each.resolution != RESOLVED:
        return frozenset()
    key = ("holders", each.models)
    if key not in facts.cache:
        places = (place for model_id in each.models for place in facts.here.get(model_id, ()))
        facts.cache[key] = frozenset(place.server_id for place in places if place.state == PRESENT)
    found: frozenset[str] = facts.cache[key]
    return found


def _able(
    requirements: Sequence[Requirement], holders: Sequence[frozenset[str]], target: str | None, facts: Facts
) -> list[Server]:
    """Return the servers that have everything, those that could begin soonest first."""
    if not requirements:
        return []
    both = frozenset.intersection(*holders)
    found = [facts.servers[key] for key in both if key in facts.servers and target in {None, key}]
    return sorted(found, key=lambda one: (one.state != PRESENT, not one.taking, one.id))


def _shown_server(server: Server, checkpoint: Requirement, facts: Facts) -> dict[str, Any]:
    return {
        "server_id": server.id,
        "alias": server.alias,
        "state": server.state,
        "taking": server.taking,
        "runtime": server.runtime,
        "checkpoint": _own_name(server, checkpoint, facts),
    }


def _own_name(server: Server, checkpoint: Requirement, facts: Facts) -> dict[str, Any] | None:
    """Return path and title of the checkpoint on a server."""
    if checkpoint.source != CHECKPOINT_SETTING:
        return None
    places = [
        (place, facts.models[model_id].hash_sha256)
        for model_id in checkpoint.models
        for place in facts.here.get(model_id, ())
        if place.server_id == server.id and place.state == PRESENT
    ]
    if not places:
        return None
    place, sha256 = min(places, key=lambda one: one[0].path)
    title = title_of(place.path, sha256, server.roots, windows=server.windows)
    return {"path": place.path, "title": title}


def _waiting(
    requirements: Sequence[Requirement],
    holders: Sequence[frozenset[str]],
    target: str | None,
    able: Sequence[Server],
    facts: Facts,
) -> Warned | None:
    """Return why a job does not run now; None where a server that has everything takes jobs."""
    if not requirements:
        return None
    unknown = [each for each in requirements if each.resolution == UNKNOWN]
    if unknown:
        return Warned(
            "unknown_model", f"nobody knows {_names(unknown)}; it goes by itself as soon as a server has that"
        )
    ambiguous = [each for each in requirements if each.resolution == AMBIGUOUS]
    if ambiguous:
        return Warned(
            "ambiguous_model", f"{_names(ambiguous)} could be several models; submit it with a hash, or name a server"
        )
    could = [each for each in able if target in {None, each.id}]
    if not could:
        return _nobody(requirements, holders, target, able, facts)
    if all(each.state != PRESENT for each in could):
        return Warned("servers_offline", f"what has everything is not there: {_servers(could)}")
    if not any(each.taking and each.state == PRESENT for each in could):
        return Warned(
            "not_taking", f"what has everything takes no jobs now: {_servers(could)}; let one of them take jobs"
        )
    return None


def _nobody(
    requirements: Sequence[Requirement],
    holders: Sequence[frozenset[str]],
    target: str | None,
    able: Sequence[Server],
    facts: Facts,
) -> Warned:
    """Return why no server that may run a job has everything."""
    if target is not None:
        lacking = [each for each, held in zip(requirements, holders, strict=True) if target not in held]
        server = facts.servers.get(target)
        name = server.alias if server is not None else target
        instead = f", or move it: {_servers(able)} could run it" if able else ""
        return Warned("missing_on_server", f"{name} does not have {_names(lacking)}; copy that there{instead}")
    nowhere = [each for each, held in zip(requirements, holders, strict=True) if not held]
    if nowhere:
        return Warned("missing_model", f"no server has {_names(nowhere)}; it goes by itself as soon as one does")
    counted = {key: sum(key in held for held in holders) for held in holders for key in held}
    best = min(counted, key=lambda key: (-counted[key], key))
    lacking = [each for each, held in zip(requirements, holders, strict=True) if best not in held]
    nearest = facts.servers[best].alias if best in facts.servers else best
    return Warned("not_together", f"no server has all of it; {nearest} lacks only {_names(lacking)}: copy that there")


def _warnings(requirements: Sequence[Requirement], shown: Sequence[Mapping[str, Any]]) -> list[Warned]:
    """Return what does not go together, and what nobody has just now."""
    listed = []
    for each, state in zip(requirements, shown, strict=True):
        fit = state["fit"]
        if fit is not None and fit["grade"] in {NONE, PARTIAL}:
            word = "does not go" if fit["grade"] == NONE else "goes only partly"
            listed.append(Warned("does_not_fit", f"{_name(each)} {word} with the checkpoint: {fit['reason']}"))
    return listed


def _name(each: Requirement) -> str:
    word = each.role.replace("_", " ")
    return f"the {word} {each.name[:100]}" if each.name else f"the {word} with the hash {each.hash}"


def _names(listed: Sequence[Requirement]) -> str:
    more = f" and {len(listed) - _MOST_NAMES} more" if len(listed) > _MOST_NAMES else ""
    return ", ".join(map(_name, listed[:_MOST_NAMES])) + more


def _servers(listed: Sequence[Server]) -> str:
    more = f" and {len(listed) - _MOST_NAMES} more" if len(listed) > _MOST_NAMES else ""
    return ", ".join(each.alias for each in listed[:_MOST_NAMES]) + more

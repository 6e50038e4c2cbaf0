"""Whether an add-on works with a checkpoint: the document's derivation, with overrides, exceptions and runtimes.

1. Is the add-on's model type supported (in a runtime: loaded) for the checkpoint? 2. Same group? 3. Same ecosystem?
4. Same family tree? 5. A cross-ecosystem rule? An override of the add-on or an exception for the pair, where there is
one, is a step before the second. What the catalogue does not know is Unknown: neither compatible nor incompatible.
"""

from dataclasses import dataclass, field

from . import records as r
from .lookups import Lookups, Subject
from .model_types import canonical_type
from .resolution import Support, resolve
from .trace import Trace


@dataclass(frozen=True)
class Verdict:
    """The answer to "does this add-on work with this checkpoint?"."""

    grade: str
    """``Full``, ``Partial``, ``None`` or ``Unknown``."""
    reason: str
    checkpoint: str
    addon: str
    model_type: str
    support_type: str
    runtime: str | None
    trace: Trace = field(compare=False, repr=False)
    support: Support | None = field(default=None, compare=False, repr=False)
    """How the checkpoint's own support was resolved, where that was asked."""

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that led to the grade, numbered, in words for a person."""
        return self.trace.render()


class _Walk:
    """Collects numbered steps on the way to a verdict."""

    def __init__(self, checkpoint: str, addon: str, model_type: str, support_type: str, runtime: str | None) -> None:
        self.trace = Trace()
        self.support: Support | None = None
        self._question = (checkpoint, addon, model_type, support_type, runtime)
        self._number = 0

    def step(self, template: str, *values: object) -> None:
        self._number += 1
        self.trace.add("{}. " + template, self._number, *values)

    def end(self, grade: str, reason: str) -> Verdict:
        result = {r.NONE: "NO support", r.UNKNOWN: "UNKNOWN"}.get(grade) or f"{grade.upper()} support"
        self.trace.add("   → Result: {}", result)
        return Verdict(grade, reason, *self._question, self.trace, self.support)


def judge(
    catalogue: Lookups, checkpoint: str, addon: str, model_type: str, support_type: str, runtime: str | None
) -> Verdict:
    """Judge a pair by names; see ``Catalogue.verdict``, which remembers the answers."""
    first, second = catalogue.find(checkpoint), catalogue.find(addon)
    program = catalogue.find_runtime(runtime) if runtime is not None else None
    type_name = canonical_type(model_type) or model_type
    if first and second and (runtime is None or program):
        return judge_pair(catalogue, first, second, type_name, support_type, program)
    walk = _Walk(checkpoint, addon, type_name, support_type, runtime)
    for name, subject in ((checkpoint, first), (addon, second)):
        if subject is None:
            near = catalogue.similar(name)
            walk.step("Look up {!r} → not in the catalogue", name[:80])
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            return walk.end(r.UNKNOWN, f"{name[:80]!r} is not in the catalogue{hint}")
    walk.step("Look up the runtime {!r} → not in the catalogue", str(runtime)[:80])
    known = ", ".join(catalogue.runtimes) or "none"
    return walk.end(r.UNKNOWN, f"the catalogue does not know the runtime {str(runtime)[:80]!r} (known: {known})")


def judge_pair(
    catalogue: Lookups,
    checkpoint: Subject,
    addon: Subject,
    model_type: str,
    support_type: str = "generation",
    runtime: r.RuntimeRecord | None = None,
) -> Verdict:
    """Judge a pair of subjects of this catalogue."""
    where = runtime.name if runtime else None
    walk = _Walk(checkpoint.name, addon.name, model_type, support_type, where)
    for subject in (checkpoint, addon):
        files = subject.base_model.files if subject.base_model else None
        if files and files.weights == "bucket":
            walk.step("What is {}? A name for unclassified files, not a base model", subject.name)
            return walk.end(r.UNKNOWN, f"{subject.name} stands for unclassified files: they can be anything")
    stopped = (
        _loaded(catalogue, walk, checkpoint, model_type, runtime)
        if runtime
        else _supported(catalogue, walk, checkpoint, addon, model_type, support_type)
    )
    return stopped or _related(catalogue, walk, checkpoint, addon, model_type, support_type, where)


def _supported(
    catalogue: Lookups, walk: _Walk, checkpoint: Subject, addon: Subject, model_type: str, support_type: str
) -> Verdict | None:
    support = walk.support = resolve(catalogue, checkpoint, support_type, model_type)
    answer = f"{'Yes' if support.supported else 'No'} ({support.how})"
    walk.step("Check {} supports {} for {} → {}", checkpoint.name, model_type, support_type, answer)
    if not support.supported:
        return walk.end(r.NONE, f"{checkpoint.name} does not support {model_type} for {support_type} ({support.how})")
    override = resolve(catalogue, addon, support_type, model_type).switched_off
    if override is None:
        return None
    why = override.reason or f"override of {override.target}"
    walk.step("Check {} files may be used for {} → No ({})", addon.name, support_type, why)
    return walk.end(r.NONE, f"{addon.name} is switched off for {support_type} ({why})")


def _loaded(
    catalogue: Lookups, walk: _Walk, checkpoint: Subject, model_type: str, runtime: r.RuntimeRecord
) -> Verdict | None:
    name = runtime.name
    if model_type in runtime.any_checkpoint:
        walk.step("Check {} uses {} files with any checkpoint → Yes", name, model_type)
        return walk.end(r.FULL, f"{name} uses {model_type} files with every checkpoint")
    row = catalogue.runtime_support(name, checkpoint)
    if row is not None and model_type in row.model_types:
        note = f", {row.note}" if row.note else ""
        walk.step("Check {} loads {} for {} → Yes (row of {}{})", name, model_type, checkpoint.name, row.target, note)
        return None
    weights = checkpoint.base_model.files if checkpoint.base_model else None
    if row is None and weights and weights.weights == "unknown":
        walk.step("Check {} loads {} for {} → Not known", name, model_type, checkpoint.name)
        return walk.end(r.UNKNOWN, f"it is not known whether {checkpoint.name} exists as a file")
    if model_type not in runtime.model_types:
        walk.step("Check whether the catalogue says what {} does with {} files → No", name, model_type)
        return walk.end(r.UNKNOWN, f"nothing is known about {model_type} files of {checkpoint.name} in {name}")
    walk.step("Check {} loads {} for {} → No (as of {})", name, model_type, checkpoint.name, runtime.as_of)
    if weights and weights.weights == "api-only":
        return walk.end(r.NONE, f"{checkpoint.name} is a service: there is no file that {name} could load")
    return walk.end(r.NONE, f"{name} does not load {model_type} for {checkpoint.name} (as of {runtime.as_of})")


def _related(
    catalogue: Lookups,
    walk: _Walk,
    checkpoint: Subject,
    addon: Subject,
    model_type: str,
    support_type: str,
    runtime: str | None,
) -> Verdict:
    exception = catalogue.exception(checkpoint, addon, support_type, model_type, runtime)
    if exception is not None:
        walk.step("Explicit exception? Yes: {}", exception.reason)
        return walk.end(exception.grade, exception.reason)
    mine, other = checkpoint.ecosystem, addon.ecosystem
    if checkpoint.group and checkpoint.group is addon.group:
        walk.step("Same group? Yes ({})", checkpoint.group.name)
        return walk.end(r.FULL, f"both are of the group {checkpoint.group.name}")
    walk.step("Same group? No ({} group ≠ {} group)", _group(checkpoint), _group(addon))
    if mine is other:
        walk.step("Same ecosystem? Yes ({})", mine.name)
        return walk.end(r.FULL, f"both are of the ecosystem {mine.name}")
    walk.step("Same ecosystem? No ({} ecosystem ≠ {} ecosystem)", mine.name, other.name)
    root, foreign = catalogue.root(mine.name), catalogue.root(other.name)
    explicit = None
    if root is not foreign:
        walk.step("Same family tree? No ({} root ≠ {} root)", root.name, foreign.name)
    else:
        explicit = explicit_ancestor(catalogue, mine.name, other.name, runtime)
        if explicit is None:
            walk.step("Same family tree? Yes (both have {} as root)", root.name)
            return walk.end(r.PARTIAL, f"{mine.name} and {other.name} are of one family ({root.name})")
        reason = explicit.reason or "only stated rules relate them"
        text = "Same family tree? Yes (both have {} as root), but its relations are explicit: {}"
        walk.step(text, root.name, reason)
    rule = catalogue.cross_rule(other.name, mine.name, support_type, model_type, runtime)
    if rule is not None:
        types = f", modelTypes: [{', '.join(map(repr, rule.model_types))}]" if rule.model_types else ""
        text = "Cross-ecosystem rule? Yes: {{ source: {}, target: {}{}, support: {!r} }}"
        walk.step(text, other.name, mine.name, types, rule.support)
        return walk.end(rule.support, f"a rule relates {other.name} to {mine.name} for {model_type}")
    elsewhere = catalogue.cross_rule(other.name, mine.name, support_type, model_type) if runtime else None
    if elsewhere is not None:
        why = elsewhere.reason or f"it does not hold in {runtime}"
        walk.step("Cross-ecosystem rule? Not in {}: {}", runtime, why)
        return walk.end(r.NONE, f"the rule that relates {other.name} to {mine.name} is not for {runtime}: {why}")
    walk.step("Cross-ecosystem rule? No")
    kin = "" if explicit is None else f" (one family, but {explicit.reason or 'its relations are explicit'})"
    return walk.end(r.NONE, f"nothing relates {other.name} to {mine.name} for {model_type}{kin}")


def _group(subject: Subject) -> str:
    return subject.group.name if subject.group else subject.name


def explicit_ancestor(catalogue: Lookups, one: str, other: str, runtime: str | None) -> r.EcosystemRecord | None:
    """Return the common ancestor that says its relations are explicit, or None where they are inferred."""
    theirs = {record.name for record in catalogue.lineage(other)}
    for record in catalogue.lineage(one):
        if record.name in theirs and (
            record.relations == r.EXPLICIT or (record.relations == r.SERVICE_EXPLICIT and runtime is None)
        ):
            return record
    return None

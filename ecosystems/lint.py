"""What a catalogue's records must hold against each other: names, references, hierarchy, reach.

Every check takes the facts and yields faults; ``CHECKS`` is the list of them. Reading has checked each record alone.
"""

from collections.abc import Callable, Iterable, Iterator

from . import records as r
from .errors import ERROR, WARNING, Fault
from .facts import Facts
from .model_types import MODEL_TYPES

MAX_GENERATIONS = 32


def lint(facts: Facts) -> list[Fault]:
    """Return all faults of a catalogue, those of reading first.

    Reach is looked at only where names and references hold: before, it would report the same fault again.
    """
    faults = list(facts.faults)
    if not facts.all("ecosystems") and not faults:
        faults.append(Fault(facts.name, "", "ecosystems", "the catalogue has no ecosystem"))
    for check in CHECKS:
        if check in _LATER and any(fault.level == ERROR for fault in faults):
            continue
        faults.extend(check(facts))
    return faults


def _fault(record: r.Record | r.SourceRecord, field: str, problem: str, level: str = ERROR) -> Fault:
    return Fault(record.origin.file, record.origin.record, field, problem, level)


def duplicate_names(facts: Facts) -> Iterator[Fault]:
    """No two ecosystems, groups, base models or runtimes share a name or an alias, in any case of letters."""
    for section in ("sources", "runtimes", "ecosystems", "baseModelGroups", "baseModels"):
        seen: dict[str, r.Origin] = {}
        named = [(record, getattr(record, "name", None) or record.key, "name") for record in facts.all(section)]
        # Names first: where an alias is another record's name, the alias is what is wrong.
        named += [(rec, alias.name, "aliases") for rec in facts.all(section) for alias in getattr(rec, "aliases", ())]
        for record, name, field in named:
            other = seen.setdefault(name.casefold(), record.origin)
            if other is not record.origin or (field == "aliases" and name.casefold() == record.name.casefold()):
                yield _fault(record, field, f"{name!r} is taken by {other.file}, {other.record}")
        for record in facts.all(section):
            folded = [alias.name.casefold() for alias in getattr(record, "aliases", ())]
            for name in sorted({name for name in folded if folded.count(name) > 1}):
                yield _fault(record, "aliases", f"{name!r} stands in it twice")


def dangling_references(facts: Facts) -> Iterator[Fault]:
    """Every name that a record refers to exists, in exactly this spelling."""
    known = {
        section: {record.name for record in facts.all(section)} | facts.unreadable.get(section, set())
        for section in ("runtimes", "ecosystems", "baseModelGroups", "baseModels")
    }
    known["sources"] = {record.key for record in facts.all("sources")} | facts.unreadable.get("sources", set())
    for record, field, section, name in _references(facts):
        if name in known[section] or (section == "sources" and name.startswith("https://")):
            continue
        problem = f"{name!r} is not in {section}"
        near = [other for other in known[section] if other.casefold() == name.casefold()]
        if section == "sources":
            problem += " and not an https address"
        yield _fault(record, field, problem + (f"; did you mean {near[0]!r}?" if near else ""))


def _references(facts: Facts) -> Iterator[tuple[r.Record, str, str, str]]:
    single = (
        ("ecosystems", "parent", "parentEcosystem", "ecosystems"),
        ("ecosystemSupport", "ecosystem", "ecosystem", "ecosystems"),
        ("ecosystemSettings", "ecosystem", "ecosystem", "ecosystems"),
        ("crossEcosystemRules", "source_ecosystem", "sourceEcosystem", "ecosystems"),
        ("crossEcosystemRules", "target_ecosystem", "targetEcosystem", "ecosystems"),
        ("baseModelGroups", "ecosystem", "ecosystem", "ecosystems"),
        ("baseModels", "group", "group", "baseModelGroups"),
        ("runtimeSupport", "runtime", "runtime", "runtimes"),
    )
    for section, attribute, field, pointed in single:
        for record in facts.all(section):
            name = getattr(record, attribute)
            if name is not None:
                yield record, field, pointed, name
    levels = {"ecosystem": "ecosystems", "group": "baseModelGroups", "baseModel": "baseModels"}
    for section in ("supportOverrides", "runtimeSupport", "inputConstraints", "constraintModifiers"):
        for record in facts.all(section):
            if record.target.level:
                yield record, record.target.level, levels[record.target.level], record.target.name
    for record in facts.all("exceptions"):
        yield record, "checkpoint", levels[record.checkpoint.level], record.checkpoint.name
        yield record, "addon", levels[record.addon.level], record.addon.name
    for section in ("crossEcosystemRules", "exceptions"):
        for record in facts.all(section):
            for name in record.runtimes or ():
                yield record, "runtimes", "runtimes", name
    for section, rows in facts.sections.items():
        if section == "sources":
            continue
        for record in rows:
            yield record, "source", "sources", record.source
            for alias in getattr(record, "aliases", ()):
                yield record, "aliases", "sources", alias.source
            if section == "baseModels" and record.files:
                yield record, "files", "sources", record.files.source


def parent_cycles(facts: Facts) -> Iterator[Fault]:
    """No ecosystem is its own ancestor, and no chain is absurdly long."""
    parents = {record.name: record.parent for record in facts.all("ecosystems")}
    for record in facts.all("ecosystems"):
        chain = [record.name]
        while (parent := parents.get(chain[-1])) is not None:
            if parent == record.name:
                yield _fault(record, "parentEcosystem", f"the chain comes back: {' -> '.join([*chain, parent])}")
            if parent in chain:
                break
            chain.append(parent)
            if len(chain) > MAX_GENERATIONS:
                yield _fault(record, "parentEcosystem", f"has more than {MAX_GENERATIONS} generations above it")
                break


def contradictions(facts: Facts) -> Iterator[Fault]:
    """No question is answered twice on one level."""
    keyed: list[tuple[r.Record, str, list[tuple[object, ...]]]] = []
    for support in facts.all("ecosystemSupport"):
        keyed.append((support, "supportType", [(support.ecosystem, support.support_type)]))
    for setting in facts.all("ecosystemSettings"):
        keyed.append((setting, "defaults", [(setting.ecosystem, key) for key in setting.defaults]))
    for rule in facts.all("crossEcosystemRules"):
        types = rule.model_types or MODEL_TYPES
        pair = (rule.source_ecosystem, rule.target_ecosystem, rule.support_type)
        keyed.append((rule, "modelTypes", [(*pair, name) for name in types]))
    for override in facts.all("supportOverrides"):
        subject = (override.target, override.support_type)
        types = override.model_types if override.model_types is not None else ("all",)
        keyed.append((override, "modelTypes", [("override", *subject, name) for name in types]))
    for row in facts.all("runtimeSupport"):
        keyed.append((row, "runtime", [(row.runtime, row.target)]))
    for exception in facts.all("exceptions"):
        types = exception.model_types or MODEL_TYPES
        pair = (exception.checkpoint, exception.addon, exception.support_type)
        keyed.append((exception, "modelTypes", [("exception", *pair, name) for name in types]))
    for constraint in facts.all("inputConstraints"):
        keyed.append((constraint, "key", [("constraint", constraint.target, constraint.key)]))
    for modifier in facts.all("constraintModifiers"):
        when = tuple(sorted((key, tuple(sorted(values))) for key, values in modifier.when.items()))
        keyed.append((modifier, "when", [("modifier", modifier.target, modifier.key, when)]))
    seen: dict[tuple[object, ...], r.Origin] = {}
    for record, field, keys in keyed:
        for key in keys:
            other = seen.setdefault((type(record), *key), record.origin)
            if other is not record.origin:
                yield _fault(record, field, f"{other.file}, {other.record} says it already ({key[-1]})")
                break


def unreachable_rules(facts: Facts) -> Iterator[Fault]:
    """Every cross rule, override, exception and modifier can decide something."""
    reach = _Reach(facts)
    for rule in facts.all("crossEcosystemRules"):
        source, target = rule.source_ecosystem, rule.target_ecosystem
        if source == target:
            yield _fault(rule, "sourceEcosystem", f"nothing can reach the rule: within {source} everything is Full")
            continue
        if not reach.any_type(target, rule.support_type, rule.model_types):
            types = ", ".join(rule.model_types or ()) or "any type"
            problem = f"nothing can reach the rule: {target} supports {types} neither for {rule.support_type}"
            yield _fault(rule, "modelTypes", problem + " nor in a runtime")
        elif reach.inferred(source, target):
            # The document's schema cannot say that a family is explicit; there the rule is only superfluous.
            problem = f"nothing can reach the rule: {source} and {target} are Partial by their family tree"
            hint = "; say relations: explicit at their root if only rules relate them" if facts.own_schema else ""
            yield _fault(rule, "targetEcosystem", problem + hint, ERROR if facts.own_schema else WARNING)
    for override in facts.all("supportOverrides"):
        if override.model_types == ():
            yield _fault(override, "modelTypes", "nothing can reach the override: it names no model type")
    for exception in facts.all("exceptions"):
        home = reach.ecosystem(exception.checkpoint)
        if not reach.any_type(home, exception.support_type, exception.model_types):
            types = ", ".join(exception.model_types or ()) or "any type"
            problem = f"nothing can reach the exception: {home} supports {types} neither for {exception.support_type}"
            yield _fault(exception, "modelTypes", problem + " nor in a runtime")
    constrained = {constraint.key for constraint in facts.all("inputConstraints")}
    for modifier in facts.all("constraintModifiers"):
        if modifier.key not in constrained:
            yield _fault(modifier, "key", f"nothing can reach the modifier: no constraint is named {modifier.key!r}")


class _Reach:
    """What the records make possible at all."""

    def __init__(self, facts: Facts) -> None:
        self.records: dict[str, r.EcosystemRecord] = {record.name: record for record in facts.all("ecosystems")}
        self._definitions: dict[tuple[str, str], r.EcosystemSupport] = {
            (row.ecosystem, row.support_type): row for row in facts.all("ecosystemSupport")
        }
        self._groups: dict[str, str] = {group.name: group.ecosystem for group in facts.all("baseModelGroups")}
        self._models: dict[str, str] = {model.name: model.group for model in facts.all("baseModels")}
        self._grants: dict[tuple[str, str], set[str]] = {}
        for override in facts.all("supportOverrides"):
            if override.enabled:
                key = (self.ecosystem(override.target), override.support_type)
                self._grants.setdefault(key, set()).update(self._granted(override, key))
        self._loads: dict[str, set[str]] = {}
        for row in facts.all("runtimeSupport"):
            self._loads.setdefault(self.ecosystem(row.target), set()).update(row.model_types)

    def ecosystem(self, target: r.Target) -> str:
        """Return the ecosystem that a target is or belongs to."""
        if target.level == "baseModel":
            return self._groups[self._models[target.name]]
        return self._groups[target.name] if target.level == "group" else target.name

    def _granted(self, override: r.SupportOverride, key: tuple[str, str]) -> Iterable[str]:
        if override.model_types is not None:
            return override.model_types
        for name in self.lineage(key[0]):
            if (name, key[1]) in self._definitions:
                return self._definitions[name, key[1]].model_types
        return MODEL_TYPES

    def lineage(self, name: str) -> list[str]:
        chain = [name]
        while (parent := self.records[chain[-1]].parent) is not None:
            chain.append(parent)
        return chain

    def any_type(self, ecosystem: str, support_type: str, wanted: tuple[str, ...] | None) -> bool:
        """Tell whether an ecosystem supports one of these types (None: any), by definition, grant or in a runtime."""
        lineage = self.lineage(ecosystem)
        types: set[str] = set()
        for name in lineage:
            types |= self._grants.get((name, support_type), set())
        for name in lineage:
            definition = self._definitions.get((name, support_type))
            if definition is not None:
                types |= set(definition.model_types) if definition.enabled else set()
                break
        if support_type == "generation":
            for name in lineage:
                types |= self._loads.get(name, set())
        return bool(types if wanted is None else types & set(wanted))

    def inferred(self, one: str, other: str) -> bool:
        """Tell whether two ecosystems are Partial by their family tree, wherever one asks."""
        first, second = self.lineage(one), self.lineage(other)
        if first[-1] != second[-1]:
            return False
        return all(self.records[name].relations == r.INFERRED for name in first if name in second)


Check = Callable[[Facts], Iterator[Fault]]
CHECKS: tuple[Check, ...] = (
    duplicate_names,
    dangling_references,
    parent_cycles,
    contradictions,
    unreachable_rules,
)
_LATER = {contradictions, unreachable_rules}

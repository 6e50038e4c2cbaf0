"""Facts that were checked, and the look-ups over them: names, hierarchy, records by what they are about, settings."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import records as r
from .errors import CatalogueError
from .facts import Facts
from .lint import lint
from .names import Index, similar


@dataclass(frozen=True)
class Subject:
    """What a name stands for: a base model, or a group or an ecosystem where no base model is known."""

    name: str
    ecosystem: r.EcosystemRecord
    group: r.BaseModelGroupRecord | None
    base_model: r.BaseModelRecord | None

    def targets(self) -> Iterator[r.Target]:
        """Yield what a record may name to be about this subject, the most specific first (without its parents)."""
        if self.base_model:
            yield r.Target("baseModel", self.base_model.name)
        if self.group:
            yield r.Target("group", self.group.name)
        yield r.Target("ecosystem", self.ecosystem.name)


class Lookups:
    """The rules and facts of one catalogue, to look things up in.

    Args:
        facts: as read from files; checked here.

    Raises:
        CatalogueError: the facts have errors (warnings are in ``warnings``).
    """

    def __init__(self, facts: Facts) -> None:
        faults = lint(facts)
        if any(fault.level == "error" for fault in faults):
            raise CatalogueError(faults)
        self.warnings = tuple(faults)
        self.facts = facts
        self.name = facts.name
        self.version = facts.version
        self.ecosystems: dict[str, r.EcosystemRecord] = {row.name: row for row in facts.all("ecosystems")}
        self.groups: dict[str, r.BaseModelGroupRecord] = {row.name: row for row in facts.all("baseModelGroups")}
        self.base_models: dict[str, r.BaseModelRecord] = {row.name: row for row in facts.all("baseModels")}
        self.runtimes: dict[str, r.RuntimeRecord] = {row.name: row for row in facts.all("runtimes")}
        self._lineages = {name: tuple(self._climb(name)) for name in self.ecosystems}
        self._support: dict[tuple[str, str], r.EcosystemSupport] = {
            (row.ecosystem, row.support_type): row for row in facts.all("ecosystemSupport")
        }
        self._settings = _collect((row.ecosystem, row) for row in facts.all("ecosystemSettings"))
        self._rules = _collect(
            ((row.source_ecosystem, row.target_ecosystem, row.support_type), row)
            for row in facts.all("crossEcosystemRules")
        )
        self._overrides = _collect(((row.target, row.support_type), row) for row in facts.all("supportOverrides"))
        self._exceptions = _collect(
            ((row.checkpoint, row.addon, row.support_type), row) for row in facts.all("exceptions")
        )
        self._loads: dict[tuple[str, r.Target], r.RuntimeSupport] = {
            (row.runtime, row.target): row for row in facts.all("runtimeSupport")
        }
        self._base_model_names = Index(self.base_models.values())
        self._ecosystem_names = Index(self.ecosystems.values())
        self._group_names = Index(self.groups.values())
        self._runtime_names = Index(self.runtimes.values())

    def _climb(self, name: str) -> Iterator[r.EcosystemRecord]:
        while True:
            record = self.ecosystems[name]
            yield record
            if record.parent is None:
                return
            name = record.parent

    # Names

    def find_base_model(self, name: str) -> r.BaseModelRecord | None:
        """Return the base model of a name or alias, in any case of letters, or None."""
        found = self._base_model_names.find(name)
        return found[0] if found else None

    def find_ecosystem(self, name: str) -> r.EcosystemRecord | None:
        """Return the ecosystem of a name or alias, in any case of letters, or None."""
        found = self._ecosystem_names.find(name)
        return found[0] if found else None

    def find_runtime(self, name: str) -> r.RuntimeRecord | None:
        """Return the runtime of a name or alias, in any case of letters, or None."""
        found = self._runtime_names.find(name)
        return found[0] if found else None

    def find(self, name: str) -> Subject | None:
        """Return what a name stands for, or None.

        A name comes before an alias, and an alias before a likeness without blanks, so that "SDXL" is the ecosystem
        although some tool may call SDXL 1.0 so; of equals the base model comes first, then the ecosystem, then the
        group. ``ambiguity`` tells when it could be another.
        """
        model, ecosystem = self._base_model_names.find(name), self._ecosystem_names.find(name)
        if model and (ecosystem is None or model[1] <= ecosystem[1]):
            return self.subject(model[0])
        if ecosystem:
            return self.subject(ecosystem[0])
        group = self._group_names.find(name)
        return self.subject(group[0]) if group else None

    def ambiguity(self, name: str) -> str | None:
        """Return a sentence where a name stands for a base model and for a different ecosystem too, else None."""
        model, ecosystem = self._base_model_names.find(name), self._ecosystem_names.find(name)
        if not model or not ecosystem:
            return None
        chosen = self.find(name)
        other = self.ecosystem_of(model[0])
        if chosen is None or (other.name == ecosystem[0].name and len(self.members(other.name)) == 1):
            return None
        meant, also = f"the base model {model[0].name!r}", f"the ecosystem {ecosystem[0].name!r}"
        if not chosen.base_model:
            meant, also = also, meant
        return f"{name!r} is taken as {meant}; it is a name of {also} too"

    def similar(self, name: str) -> list[str]:
        """Return up to three known names that look like one that is not known."""
        return similar(name, self._ecosystem_names, self._base_model_names)

    def subject(self, record: r.BaseModelRecord | r.EcosystemRecord | r.BaseModelGroupRecord) -> Subject:
        """Return the subject of a record of this catalogue."""
        if isinstance(record, r.BaseModelRecord):
            group = self.groups[record.group]
            return Subject(record.name, self.ecosystems[group.ecosystem], group, record)
        if isinstance(record, r.BaseModelGroupRecord):
            return Subject(record.name, self.ecosystems[record.ecosystem], record, None)
        groups = [group for group in self.groups.values() if group.ecosystem == record.name]
        return Subject(record.name, record, groups[0] if len(groups) == 1 else None, None)

    def aliases(self, name: str) -> tuple[str, ...]:
        """Return the aliases of a base model or ecosystem; none for a name that is not known."""
        subject = self.find(name)
        if subject is None:
            return ()
        return tuple(alias.name for alias in (subject.base_model or subject.ecosystem).aliases)

    # Hierarchy

    def ecosystem_of(self, model: r.BaseModelRecord) -> r.EcosystemRecord:
        """Return the ecosystem of a base model, which its group has."""
        return self.ecosystems[self.groups[model.group].ecosystem]

    def members(self, ecosystem: str) -> list[r.BaseModelRecord]:
        """Return the base models of an ecosystem (not of its children), in the catalogue's order."""
        return [model for model in self.base_models.values() if self.groups[model.group].ecosystem == ecosystem]

    def lineage(self, ecosystem: str) -> tuple[r.EcosystemRecord, ...]:
        """Return an ecosystem, its parent, that one's parent … up to the root of the family."""
        return self._lineages[ecosystem]

    def root(self, ecosystem: str) -> r.EcosystemRecord:
        """Return the root of the family that an ecosystem belongs to: itself where it has no parent."""
        return self._lineages[ecosystem][-1]

    # Records by what they are about

    def support_definition(self, ecosystem: str, support_type: str) -> r.EcosystemSupport | None:
        """Return what an ecosystem itself defines, without inheritance."""
        return self._support.get((ecosystem, support_type))

    def inherited_support(self, ecosystem: str, support_type: str) -> r.EcosystemSupport | None:
        """Return the definition that holds for an ecosystem: its own or that of the nearest ancestor which has one."""
        for record in self._lineages[ecosystem]:
            definition = self._support.get((record.name, support_type))
            if definition is not None:
                return definition
        return None

    def override(self, target: r.Target, support_type: str, model_type: str) -> r.SupportOverride | None:
        """Return the override that speaks of a model type; one that names it comes before one that names none."""
        rows = self._overrides.get((target, support_type), ())
        named = [row for row in rows if row.model_types is not None and model_type in row.model_types]
        return named[0] if named else next((row for row in rows if row.model_types is None), None)

    def cross_rule(
        self, source: str, target: str, support_type: str, model_type: str, runtime: str | None = None
    ) -> r.CrossEcosystemRule | None:
        """Return the rule that relates two ecosystems for a model type (and in a runtime, where one is named)."""
        rules: tuple[r.CrossEcosystemRule, ...] = self._rules.get((source, target, support_type), ())
        for rule in rules:
            if rule.model_types is not None and model_type not in rule.model_types:
                continue
            if runtime is None or rule.runtimes is None or runtime in rule.runtimes:
                return rule
        return None

    def exception(
        self, checkpoint: Subject, addon: Subject, support_type: str, model_type: str, runtime: str | None = None
    ) -> r.PairException | None:
        """Return the most specific exception about a pair: base models before groups before ecosystems."""
        if not self._exceptions:
            return None
        for first in checkpoint.targets():
            for second in addon.targets():
                rows: tuple[r.PairException, ...] = self._exceptions.get((first, second, support_type), ())
                for row in rows:
                    if row.model_types is not None and model_type not in row.model_types:
                        continue
                    if runtime is None or row.runtimes is None or runtime in row.runtimes:
                        return row
        return None

    def runtime_support(self, runtime: str, subject: Subject) -> r.RuntimeSupport | None:
        """Return the row about what a runtime loads: base model, group, ecosystem, then its ancestors."""
        for target in subject.targets():
            row = self._loads.get((runtime, target))
            if row is not None:
                return row
        for record in self._lineages[subject.ecosystem.name][1:]:
            row = self._loads.get((runtime, r.Target("ecosystem", record.name)))
            if row is not None:
                return row
        return None

    # Settings

    def setting(self, ecosystem: str, key: str) -> tuple[Any, str] | None:
        """Return a setting and the name of the ecosystem it comes from (itself or an ancestor), or None."""
        for record in self._lineages[ecosystem]:
            for row in self._settings.get(record.name, ()):
                if key in row.defaults:
                    return row.defaults[key], record.name
        return None

    def settings(self, ecosystem: str) -> dict[str, tuple[Any, str]]:
        """Return all settings that hold for an ecosystem, each with the ecosystem it comes from."""
        result: dict[str, tuple[Any, str]] = {}
        for record in self._lineages[ecosystem]:
            for row in self._settings.get(record.name, ()):
                for key, value in row.defaults.items():
                    result.setdefault(key, (value, record.name))
        return result


def _collect(pairs: Iterable[tuple[Any, Any]]) -> Mapping[Any, tuple[Any, ...]]:
    result: dict[Any, list[Any]] = {}
    for key, row in pairs:
        result.setdefault(key, []).append(row)
    return {key: tuple(rows) for key, rows in result.items()}

"""The six-step resolution: what a base model supports, the most specific statement first.

1. base model override, 2. group override, 3. ecosystem override, 4. ecosystem definition, 5. parent ecosystem
(recursive: the parent's own override, then its definition), 6. default: no support. An override decides the model
types that it names, all where it names none; for others the next step is asked. One that enables and names no type
lifts what less specific overrides switch off: the types are those of the definition, also of one that is switched off,
and all types where there is no definition.
"""

from dataclasses import dataclass

from . import records as r
from .lookups import Lookups, Subject
from .model_types import MODEL_TYPES
from .trace import Trace

STEPS = ("baseModel", "group", "ecosystem")
_LABELS = {"baseModel": "BaseModel override", "group": "Group override", "ecosystem": "Ecosystem override"}


@dataclass(frozen=True)
class Support:
    """Whether something is supported, for which types, and the steps that led there."""

    supported: bool
    model_types: tuple[str, ...]
    how: str
    """Where it was decided, in a few words: ``inherited from SDXL``."""
    trace: Trace
    switched_off: r.SupportOverride | None = None
    """The override that says no, where it was one."""

    @property
    def steps(self) -> tuple[str, ...]:
        return self.trace.render()


def resolve(catalogue: Lookups, subject: Subject, support_type: str, model_type: str) -> Support:
    """Say whether a model type is supported, by the six steps."""
    trace = Trace()
    targets = {target.level: target for target in subject.targets()}
    lifted = False
    for number, level in enumerate(STEPS, 1):
        override = catalogue.override(targets[level], support_type, model_type) if level in targets else None
        if override is None:
            trace.add("{}. {}: None", number, _LABELS[level])
            continue
        trace.add("{}. {}: {}{}", number, _LABELS[level], _override(override), _reason(override))
        if not override.enabled or override.model_types is not None:
            return _decided(trace, override.enabled, model_type, override)
        lifted = True
        trace.add("   → FOUND: enabled = true, for the types that are defined")
        break
    return _inherited(catalogue, subject, support_type, model_type, trace, lifted)


def _decided(trace: Trace, enabled: bool, model_type: str, override: r.SupportOverride) -> Support:
    result = "SUPPORTED" if enabled else "NOT SUPPORTED"
    trace.add("   → FOUND: enabled = {}", str(enabled).lower())
    trace.add("   → Result: {}", f"{result} for {model_type}" if enabled or override.model_types else result)
    how = f"override of {override.target}"
    return Support(enabled, (model_type,) if enabled else (), how, trace, None if enabled else override)


def _inherited(
    catalogue: Lookups, subject: Subject, support_type: str, model_type: str, trace: Trace, lifted: bool
) -> Support:
    name = subject.ecosystem.name
    for record in catalogue.lineage(name):
        own = record.name == name
        label = f"4. Ecosystem Support ({name})" if own else f"5. Parent Ecosystem ({record.name})"
        if not own and not lifted:
            override = catalogue.override(r.Target("ecosystem", record.name), support_type, model_type)
            if override is not None:
                trace.add("{}: {}{}", label, _override(override), _reason(override))
                if not override.enabled or override.model_types is not None:
                    return _decided(trace, override.enabled, model_type, override)
                lifted = True
        definition = catalogue.support_definition(record.name, support_type)
        if definition is None:
            trace.add("{}: Not defined", label)
            continue
        trace.add("{}: {}", label, _definition(definition))
        enabled = definition.enabled or lifted
        supported = enabled and model_type in definition.model_types
        trace.add("   → FOUND: enabled = {}", str(enabled).lower())
        if supported:
            trace.add("   → Result: SUPPORTED for {} {}", model_type, support_type)
        elif enabled:
            trace.add("   → Result: NOT SUPPORTED: {} is not among its model types", model_type)
        else:
            trace.add("   → Result: NOT SUPPORTED")
        how = f"defined by {record.name}" if own else f"inherited from {record.name}"
        return Support(supported, definition.model_types if enabled else (), how, trace)
    if lifted:
        trace.add("6. Default: nothing is defined, so the override holds for all types")
        trace.add("   → Result: SUPPORTED for {} {}", model_type, support_type)
        return Support(True, MODEL_TYPES, "by an override, for all types", trace)
    trace.add("6. Default: No support")
    trace.add("   → Result: NOT SUPPORTED")
    return Support(False, (), "by default", trace)


def supported_types(catalogue: Lookups, subject: Subject, support_type: str) -> Support:
    """Say which model types are supported at all; the steps are those of the first type that is.

    "Is Illustrious v1.0 supported for training?" is asked without a model type.
    """
    answers = {name: resolve(catalogue, subject, support_type, name) for name in MODEL_TYPES}
    types = tuple(name for name, answer in answers.items() if answer.supported)
    # Where nothing is supported, the type that some definition names tells more than one that none does.
    named = [name for name in MODEL_TYPES if _named(catalogue, subject, support_type, name)]
    told = answers[types[0] if types else named[0] if named else "LORA"]
    return Support(bool(types), types, told.how, told.trace)


def _named(catalogue: Lookups, subject: Subject, support_type: str, model_type: str) -> bool:
    definition = catalogue.inherited_support(subject.ecosystem.name, support_type)
    return definition is not None and model_type in definition.model_types


def _override(override: r.SupportOverride) -> str:
    return _braces(
        {override.target.level: override.target.name},
        supportType=override.support_type,
        modelTypes=override.model_types,
        enabled=override.enabled,
    )


def _definition(definition: r.EcosystemSupport) -> str:
    return _braces(
        {}, supportType=definition.support_type, modelTypes=definition.model_types, enabled=definition.enabled
    )


def _reason(override: r.SupportOverride) -> str:
    return f" ({override.reason})" if override.reason else ""


def _braces(first: dict[str, str], **values: object) -> str:
    """Write a record as the document does: ``{ baseModel: SDXL Turbo, supportType: 'auction', enabled: false }``."""
    parts = [f"{key}: {value}" for key, value in first.items()]
    for key, value in values.items():
        if isinstance(value, bool):
            parts.append(f"{key}: {str(value).lower()}")
        elif isinstance(value, tuple):
            parts.append(f"{key}: [{', '.join(repr(item) for item in value)}]")
        elif value is not None:
            parts.append(f"{key}: {value!r}")
    return "{ " + ", ".join(parts) + " }"

"""``quartermaster ecosystems``: check a catalogue, query it, explain a verdict, move from the verbose configuration."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ..ecosystems import answers, compact, expand, legacy, load, table
from ..ecosystems.catalogue import Catalogue
from ..ecosystems.errors import CatalogueError, EcosystemsError, Fault, LegacyError, QuestionError
from ..ecosystems.facts import parse_json
from ..ecosystems.lookups import Subject
from ..ecosystems.model_types import MODEL_TYPES, canonical_type
from ..ecosystems.records import FULL, NONE, PARTIAL, SUPPORT_TYPES, UNKNOWN
from ..ecosystems.resolution import supported_types
from ..extension.catalogue import best_catalogue
from ..extension.paths import data_home
from .output import DONE, NO, CommandError, emit, say, tell

HELP = "the catalogue of base models: check it, query it, explain a verdict"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands and their arguments."""
    commands = parser.add_subparsers(dest="ecosystems_command", metavar="COMMAND", required=True)
    for name, (run, line, add) in _COMMANDS.items():
        sub = commands.add_parser(name, help=line, description=line[0].upper() + line[1:] + ".")
        add(sub)
        sub.add_argument("--json", action="store_true", help="print answers as lines of ASCII JSON")
        sub.set_defaults(run=run)


def execute(arguments: argparse.Namespace) -> int:
    """Run a sub-command; 1 means that the answer is no."""
    try:
        code = arguments.run(arguments)
    except LegacyError as error:
        raise CommandError(str(error)) from error
    except QuestionError as error:
        raise CommandError(f"{error.field}: {error}") from error
    except EcosystemsError as error:
        raise CommandError(f"the catalogue cannot be used:\n{error}") from error
    assert isinstance(code, int)
    return code


def _catalogue(arguments: argparse.Namespace) -> Catalogue:
    return load.load(arguments.catalogue) if arguments.catalogue else best_catalogue(data_home())


def _subject(catalogue: Catalogue, name: str) -> Subject | None:
    """Find a name, saying what is unclear about it."""
    note = catalogue.ambiguity(name)
    if note:
        say(f"note: {note}")
    subject = catalogue.find(name)
    if subject is None:
        near = catalogue.similar(name)
        say(f"{name!r} is not in the catalogue" + (f"; did you mean {' or '.join(near)}?" if near else ""))
    return subject


def _check(arguments: argparse.Namespace) -> int:
    faults = load.check(arguments.file)
    for fault in faults:
        if arguments.json:
            emit(_fault(fault))
        else:
            tell(f"{fault.level}: {fault}")
    errors = sum(fault.level == "error" for fault in faults)
    if not errors:
        say(f"{arguments.file}: good")
        return DONE
    say(f"{arguments.file}: {errors} fault{'s' if errors > 1 else ''}")
    return NO


def _fault(fault: Fault) -> dict[str, str]:
    return {
        "level": fault.level,
        "file": fault.file,
        "record": fault.record,
        "field": fault.field,
        "problem": fault.problem,
    }


def _show(arguments: argparse.Namespace) -> int:
    catalogue = _catalogue(arguments)
    if _subject(catalogue, arguments.name) is None:
        return NO
    for answer in answers.named_answers(catalogue, arguments.name):
        if arguments.json:
            emit(answer)
            continue
        tell(f"{answer['name']} ({answer['kind'].replace('_', ' ')})")
        for key, value in answer.items():
            if key not in {"name", "kind"} and value not in (None, [], {}, False):
                tell(f"  {key.replace('_', ' ')}: {_words(value)}")
    return DONE


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_words(item)}" for key, item in value.items() if item not in (None, [], {}))
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "yes" if value is True else str(value)


def _settings(arguments: argparse.Namespace) -> int:
    catalogue = _catalogue(arguments)
    subject = _subject(catalogue, arguments.name)
    if subject is None:
        return NO
    answer = answers.settings_answer(catalogue, subject, dict(arguments.context))
    if arguments.json:
        emit(answer)
        return DONE
    tell(f"{answer['name']} (ecosystem {answer['ecosystem']})")
    for key, value in answer["settings"].items():
        tell(f"  {key}: {value} (from {answer['from'][key]})")
    for key, value in answer["constraints"].items():
        tell(f"  at most {value} {key} ({answer['constraints_from'][key]})")
    return DONE


def _explain(arguments: argparse.Namespace) -> int:
    catalogue = _catalogue(arguments)
    if arguments.addon is None:
        return _explain_support(catalogue, arguments)
    if arguments.type is None:
        raise CommandError("which model type is the add-on? Say --type LORA, for example")
    question = {key: getattr(arguments, key) for key in ("checkpoint", "addon", "type", "support", "runtime")}
    answer = answers.compatibility_answer(catalogue, question)
    if arguments.json:
        emit(answer)
    else:
        tell(f"{answer['grade']}: {answer['reason']}")
        for line in [*answer["steps"], *(f"note: {note}" for note in answer["notes"])]:
            tell(line)
        if answer["difference"]:
            tell(f"difference: {answer['difference']}")
    return NO if answer["grade"] in {NONE, UNKNOWN} else DONE


def _explain_support(catalogue: Catalogue, arguments: argparse.Namespace) -> int:
    """Answer "is this supported for training?", which names no add-on."""
    if arguments.runtime:
        raise CommandError("--runtime is asked about an add-on: name it after the checkpoint")
    subject = _subject(catalogue, arguments.checkpoint)
    if subject is None:
        return NO
    support = supported_types(catalogue, subject, arguments.support)
    wanted = canonical_type(arguments.type) if arguments.type else None
    supported = support.supported if wanted is None else wanted in support.model_types
    if arguments.json:
        answer = {"name": subject.name, "ecosystem": subject.ecosystem.name, "support": arguments.support}
        emit({**answer, "supported": supported, "types": list(support.model_types), "steps": list(support.steps)})
    else:
        types = f" ({', '.join(support.model_types)})" if support.model_types else ""
        tell(f"{subject.name} is {'' if supported else 'not '}supported for {arguments.support}{types}")
        for line in support.steps:
            tell(line)
    return DONE if supported else NO


def _matrix(arguments: argparse.Namespace) -> int:
    """Print, for each checkpoint base model, which base models' add-ons work with it."""
    catalogue = _catalogue(arguments)
    shown = [model.name for model in catalogue.base_models.values() if arguments.hidden or not model.hidden]
    for checkpoint in shown:
        grades: dict[str, list[str]] = {FULL: [], PARTIAL: [], UNKNOWN: []}
        for addon in shown:
            verdict = catalogue.verdict(checkpoint, addon, arguments.type, arguments.support, arguments.runtime)
            grades.setdefault(verdict.grade, []).append(addon)
        grades.pop(NONE, None)
        if arguments.json:
            emit({"checkpoint": checkpoint, "type": arguments.type, **grades})
        elif grades[FULL] or grades[PARTIAL]:
            told = "; ".join(f"{grade}: {', '.join(grades[grade])}" for grade in (FULL, PARTIAL) if grades[grade])
            tell(f"{checkpoint}: {told}")
    return DONE


def _table(arguments: argparse.Namespace) -> int:
    catalogue = _catalogue(arguments)
    encoding = sys.stdout.encoding or "utf-8"
    for block in table.blocks(catalogue, arguments.support, as_json=arguments.json):
        sys.stdout.write(block.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()
    return DONE


def _compact(arguments: argparse.Namespace) -> int:
    hierarchy = None if arguments.no_hierarchy else _catalogue(arguments)
    result = compact.compact(legacy.read_legacy(_read_legacy(arguments.file)), hierarchy)
    for item in result.report:
        became = ", ".join(f"{count} {what}" for what, count in item["became"].items()) or "nothing: it is empty"
        say(f"{item['entry']}: {item['cells']} cells: {became}")
    records = sum(len(rows) for key, rows in result.document.items() if isinstance(rows, list) and key != "report")
    say(f"{len(result.report)} lists became {records} records, {result.exceptions} of them exceptions")
    text = json.dumps(result.document, ensure_ascii=True, indent=None if arguments.json else 1)
    if arguments.output:
        _write(arguments.output, text + "\n")
    else:
        print(text)
    return DONE


def _expand(arguments: argparse.Namespace) -> int:
    if arguments.records is not None:
        arguments.catalogue = arguments.records
    entries = [json.dumps(entry, ensure_ascii=True) for entry in expand.expand(_catalogue(arguments))]
    text = "[\n" + ",\n".join(entries) + "\n]"
    if arguments.output:
        _write(arguments.output, text + "\n")
    else:
        print(text)
    return DONE


def _read_legacy(path: Path) -> Any:
    try:
        content = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8-sig")
        return parse_json(content.encode("utf-8", "surrogatepass"), str(path))
    except CatalogueError as error:  # which also says what is wrong with other JSON, such as a key that stands twice
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise CommandError(f"{path} is not JSON: {error}") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="ascii")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror or error}") from error


def _model_type(text: str) -> str:
    name = canonical_type(text)
    if name is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a model type (known: {', '.join(MODEL_TYPES)})")
    return name


def _condition(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE, such as tier=gold")
    return key, value


def _add_catalogue(parser: argparse.ArgumentParser) -> None:
    text = (
        "a folder of catalogue files, or one file in our schema or the document's "
        "(default: the newest of the shipped one and the hub's)"
    )
    parser.add_argument("--catalogue", type=Path, metavar="PATH", help=text)


def _add_support(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--support", choices=SUPPORT_TYPES, default="generation", help="what for (default: generation)")


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a catalogue's folder, or one file")


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="a base model or ecosystem, or an alias of one, in any case")
    _add_catalogue(parser)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    _add_name(parser)
    text = "what input constraints depend on, such as tier=gold (may be repeated)"
    parser.add_argument("--context", type=_condition, action="append", default=[], metavar="KEY=VALUE", help=text)


def _add_explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="base model or ecosystem of the checkpoint")
    text = "base model or ecosystem of the add-on; without it: what the checkpoint supports"
    parser.add_argument("addon", metavar="ADDON", nargs="?", help=text)
    parser.add_argument("--type", type=_model_type, help="the add-on's model type, such as LORA")
    parser.add_argument("--runtime", help="ask what this program can load, such as forge")
    _add_support(parser)
    _add_catalogue(parser)


def _add_matrix(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--type", type=_model_type, default="LORA", help="the add-ons' model type (default: LORA)")
    parser.add_argument("--runtime", help="ask what this program can load, such as forge")
    parser.add_argument("--hidden", action="store_true", help="with the base models that are hidden")
    _add_support(parser)
    _add_catalogue(parser)


def _add_table(parser: argparse.ArgumentParser) -> None:
    _add_catalogue(parser)
    _add_support(parser)


def _add_compact(parser: argparse.ArgumentParser) -> None:
    text = 'a list of {"group", "support": [{"modelTypes", "baseModels"}], "partialSupport"}; - reads it from stdin'
    parser.add_argument("file", type=Path, metavar="LEGACY.json", help=text)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the records there")
    parser.add_argument("--no-hierarchy", action="store_true", help="take no parents and groups from a catalogue")
    _add_catalogue(parser)


def _add_expand(parser: argparse.ArgumentParser) -> None:
    text = "records that compact wrote, or any other catalogue"
    parser.add_argument("records", type=Path, metavar="RECORDS", nargs="?", help=text)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the configuration there")
    _add_catalogue(parser)


_COMMANDS = {
    "check": (_check, "look for faults in a catalogue", _add_check),
    "show": (_show, "show what the catalogue knows about a name", _add_name),
    "settings": (_settings, "show default settings and input constraints, and where they come from", _add_settings),
    "explain": (_explain, "say whether an add-on works with a checkpoint, step by step", _add_explain),
    "matrix": (_matrix, "list which base models work together", _add_matrix),
    "table": (_table, "print the document's derivation for every pair and type: no overrides, no runtime", _add_table),
    "compact": (_compact, "turn a verbose configuration into records", _add_compact),
    "expand": (_expand, "turn records into the verbose configuration", _add_expand),
}

"""A header's layout: which modules the file has, in which part, and how large they are, whatever the naming.

A name such as ``lora_unet_double_blocks_7_img_attn_qkv.lora_down.weight`` or
``transformer.double_blocks.7.img_attn.qkv.lora_A.weight`` becomes the module ``double_blocks_img_attn_qkv`` of the part
``backbone``. Names that differ in digits only are one template: the thousands of names of a file are a few hundred
templates, found at C speed, and only those are taken apart in Python.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from .data import load
from .errors import BrokenHeaderError, HeaderTooLargeError
from .header import Header
from .sizes import Dimensions, dimensions

MAX_TEMPLATES = 3000
"""Templates that are looked at; the zoo's richest real file has about 250."""
MAX_NAME_LENGTH = 300
MAX_NAMES = 3 * 1024 * 1024
"""Characters in all names together; 20,000 names of 150 characters fit."""
_REMEMBERED = 32_768
_DIGITS = b"0123456789"
_SEPARATORS = re.compile(r"[._]+")

ROOT, BACKBONE = "root", "backbone"


class Parsed(NamedTuple):
    """A template taken apart; ``algorithm`` is empty where the tensor is no adapter's.

    ``packed`` says that the tensor is itself the module's weight, in the form of ``quantisation``.
    """

    part: str
    module: str
    algorithm: str
    quantisation: str
    packed: bool = False


class Layout:
    """The modules of one header.

    Attributes:
        parts: part -> module -> name of one of its tensors.
        algorithms: kinds of adapter tensors -> number of templates (``lora``, ``loha``, ``lokr``, ``dora``…).
        quantisations: names of packings that tensors beside the weights give away.

    Raises:
        BrokenHeaderError: a name or a shape is not one.
        HeaderTooLargeError: the names are longer than any model's.
    """

    def __init__(self, header: Header) -> None:
        self.header = header
        names = list(header.tensors)
        self.text = "\n".join(["", *names, ""])
        if len(self.text) > MAX_NAMES:
            raise HeaderTooLargeError("the names of the tensors are longer than any model's")
        if self.text.count("\n") > len(names) + 1:
            raise BrokenHeaderError("a tensor's name holds a line break")
        self.parts: dict[str, dict[str, str]] = {}
        self.algorithms: dict[str, int] = {}
        self.quantisations: set[str] = set()
        self._examples = _examples(self.text, names)
        self._sample = "\n".join(["", *self._examples.values(), ""])
        self._modules: str | None = None
        self._indices: dict[tuple[str, int], bool] = {}
        self._likes: dict[str, list[str]] = {}
        self._sizes: dict[str, Dimensions] = {}
        for template, name in self._examples.items():
            if header.shape(name) is None:
                raise BrokenHeaderError(f"the shape of {name[:80]!r} is not a list of whole numbers")
            self._add(parse(template), name)

    def _add(self, parsed: Parsed, name: str) -> None:
        part_name, module, algorithm, quantisation, packed = parsed
        part = self.parts.get(part_name)
        if part is None:
            part = self.parts[part_name] = {}
        if algorithm:
            self.algorithms[algorithm] = self.algorithms.get(algorithm, 0) + 1
            if algorithm != "dora" or module not in part:  # a magnitude has not the form of the module
                part[module] = name
        elif quantisation:
            self.quantisations.add(quantisation)
            if packed:
                part.setdefault(module, name)
        elif module not in part or name.endswith(".weight"):
            part[module] = name

    @property
    def is_adapter(self) -> bool:
        """Whether the tensors change another model's modules rather than being a model."""
        return bool(self.algorithms)

    def modules(self, part: str | None) -> Iterator[str]:
        """Return the modules of a part and of the names that no prefix assigns to one; of all parts for None."""
        for name, modules in self.parts.items():
            if part is None or name in {part, ROOT}:
                yield from modules

    def name_of(self, module: str, part: str | None) -> str | None:
        """Return the name of one tensor of a module, or None where the part has no such module."""
        for place in (part, ROOT) if part else self.parts:
            name = self.parts.get(place, {}).get(module)
            if name is not None:
                return name
        return None

    def has_index(self, container: str, least: int) -> bool:
        """Say whether a container has a block with this index or a higher one.

        ``container`` is a regular expression that begins with a literal, such as ``double_blocks``.
        """
        key = (container, least)
        known = self._indices.get(key)
        if known is None:
            known = self._indices[key] = _indexed(container, least).search(self.text) is not None
        return known

    def mentions(self, pattern: str) -> bool:
        """Say whether a pattern occurs in a module's name (which has no digits, and underscores for dots)."""
        if self._modules is None:
            self._modules = "\n".join(module for modules in self.parts.values() for module in modules)
        return _compiled(pattern).search(self._modules) is not None

    def names_like(self, pattern: str) -> list[str]:
        """Return names that hold a pattern: those of the templates' examples, else the first of all names.

        ``^`` in the pattern is the start of a name. One name stands for many, so a file pieced together from two models
        is noticed where the pieces differ in more than digits.
        """
        names = self._likes.get(pattern)
        if names is None:
            regex = _compiled(pattern)
            names = _lines_with(regex, self._sample, len(self._examples))
            names = self._likes[pattern] = names or _lines_with(regex, self.text, 1)
        return names

    def dimensions(self, name: str) -> Dimensions:
        """Return the size of the module that a tensor belongs to."""
        size = self._sizes.get(name)
        if size is None:
            size = self._sizes[name] = dimensions(self.header, name)
        return size

    def examples(self) -> Iterable[str]:
        """Return one tensor name per template."""
        return self._examples.values()


def _examples(text: str, names: list[str]) -> dict[str, str]:
    """Return template -> the last name that has it."""
    try:
        templates = text.encode("ascii").translate(None, _DIGITS).decode("ascii").split("\n")
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "surrogatepass").translate(None, _DIGITS)
        templates = raw.decode("utf-8", "surrogatepass").split("\n")
    examples = dict(zip(templates[1:], names))  # noqa: B905 (an empty template at the end, where the text ends)
    if len(examples) > MAX_TEMPLATES:
        examples = dict(list(examples.items())[:MAX_TEMPLATES])
    return examples


def parse(template: str) -> Parsed:
    """Take a name without its digits apart."""
    if len(template) > MAX_NAME_LENGTH:
        return Parsed(ROOT, template[:MAX_NAME_LENGTH], "", "")
    return _parse(template)


@lru_cache(maxsize=_REMEMBERED)
def _parse(template: str) -> Parsed:
    part, rest = _split_prefix(template)
    for suffix, algorithm in _grammar().adapters:
        match = suffix.search(rest)
        if match:
            return Parsed(part, flatten(rest[: match.start()]), algorithm, "")
    for suffix, name, packed in _grammar().quantisations:
        match = suffix.search(rest)
        if match:
            return Parsed(part, flatten(rest[: match.start()]), "", name, packed)
    for plain in (".weight", ".bias"):
        if rest.endswith(plain):
            return Parsed(part, flatten(rest.removesuffix(plain)), "", "")
    return Parsed(part, flatten(rest), "", "")


def flatten(name: str) -> str:
    """Return a dotted or underscored name with one underscore for every run of both, and none at its ends."""
    return _SEPARATORS.sub("_", name).strip("_")


def _split_prefix(template: str) -> tuple[str, str]:
    part, rest = ROOT, template
    while True:
        match = _grammar().prefix.match(rest)
        if match is None or match.end() == len(rest):
            return part, rest
        named = _grammar().part_of[match.group()]
        part, rest = part if named == ROOT else named, rest[match.end() :]


class _Grammar(NamedTuple):
    prefix: re.Pattern[str]
    part_of: dict[str, str]
    adapters: list[tuple[re.Pattern[str], str]]
    quantisations: list[tuple[re.Pattern[str], str, bool]]


@lru_cache(maxsize=1)
def _grammar() -> _Grammar:
    data: dict[str, Any] = load("names")
    part_of = {prefix: part for part, prefixes in data["prefixes"].items() for prefix in prefixes}
    longest_first = sorted(part_of, key=len, reverse=True)
    return _Grammar(
        re.compile("|".join(map(re.escape, longest_first))),
        part_of,
        [(re.compile(f"(?:{row['suffix']})$"), row["algorithm"]) for row in data["adapters"]],
        [(re.compile(f"(?:{row['suffix']})$"), row["name"], "packed" in row) for row in data["quantisations"]],
    )


def _lines_with(regex: re.Pattern[str], text: str, most: int) -> list[str]:
    """Return the lines of a text that hold a pattern, at most so many."""
    found: list[str] = []
    position = 0
    while len(found) < most:
        match = regex.search(text, position)
        if match is None:
            break
        start = text.rfind("\n", 0, max(match.end() - 1, 1)) + 1
        end = text.find("\n", start)
        found.append(text[start:end])
        position = end
    return found


@lru_cache(maxsize=1024)
def _indexed(container: str, least: int) -> re.Pattern[str]:
    """Return the pattern of an index of at least ``least`` (below 100) behind a container."""
    tens, ones = divmod(least, 10)
    higher = f"[{tens + 1}-9]\\d|" if tens < 9 else ""
    same = f"{tens or ''}[{ones}-9]"
    return re.compile(rf"{container}[._](?:{same}|{higher}\d{{3,}})[._]")


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    # A literal line break at the front is found at C speed; "^" would be tried at every character.
    return re.compile("\n" + pattern[1:] if pattern.startswith("^") else pattern, re.MULTILINE)

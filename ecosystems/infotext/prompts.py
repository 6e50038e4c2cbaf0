"""What a prompt names: extra networks in angle brackets, and embeddings by their names alone.

Source: A1111's ``extra_networks`` (``<name:argument:argument…>``) and the arguments of its LoRA extension: the text
encoder's multiplier, then the U-Net's, positional or as ``te=`` and ``unet=``. Web UIs take them from the prompt, not
from the negative prompt, where they are text like any other.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from .resource import EMBEDDING, HYPERNETWORK, LORA, Resource

PROMPT = "prompt"
_TAG = re.compile(r"<(\w+):([^>]+)>")
"""As web UIs read it (``re_extra_net``): a ``<`` may stand in a name."""
_MOST_TAGS = 20_000
_ROLES = {"lora": LORA, "lyco": LORA, "hypernet": HYPERNETWORK}
NETWORKS = frozenset(_ROLES)
"""The tags that load a model."""
_NUMBER = re.compile(r"\s*[-+]?(?:\d{1,12}\.?\d{0,12}|\.\d{1,12})\s*")


def tags(prompt: str) -> Iterator[re.Match[str]]:
    """Yield what web UIs take for a tag, in time that grows with the text alone; 1 is its kind, 2 what follows."""
    return _TAG.finditer(prompt, 0, prompt.rfind(">") + 1)  # each ``<`` that is never closed would be read to the end


def extra_networks(prompt: str, source: str = PROMPT) -> list[Resource]:
    """Return the LoRAs and hypernetworks that a prompt loads, in its order; a weight that is no number is None."""
    found = []
    for tag in islice(tags(prompt), _MOST_TAGS):
        name, *arguments = tag[2].split(":")
        if tag[1] in NETWORKS and name.strip():
            found.append(Resource(_ROLES[tag[1]], name.strip(), weight=_weight(arguments), source=source))
    return found


def _weight(arguments: list[str]) -> float | None:
    """Return the multiplier of a tag: the first positional one, else the U-Net's, else the text encoder's, else 1."""
    named = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    positional = [argument for argument in arguments if "=" not in argument]
    stated = [*positional[:1], *(named[name] for name in ("unet", "te") if name in named)]
    return number(stated[0]) if stated else 1.0


def number(text: object) -> float | None:
    """Return a number that is written as people write them, or None."""
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return float(text) if abs(text) < 1e12 else None
    return float(text) if isinstance(text, str) and _NUMBER.fullmatch(text) else None


def embeddings(prompt: str, names: Iterable[str], source: str = PROMPT) -> list[Resource]:
    """Return those of these embeddings that a prompt names, as whole words in any case, in the order of the prompt.

    Where two names overlap the longer one counts, as in web UIs.
    """
    text = prompt.casefold()
    taken: list[tuple[int, int, str]] = []
    for name in sorted({name for name in names if name.strip()}, key=lambda name: (-len(name), name)):
        for start, end in _places(text, name.casefold()):
            if all(end <= other_start or start >= other_end for other_start, other_end, _ in taken):
                taken.append((start, end, name))
                break
    return [Resource(EMBEDDING, name, source=source) for _, _, name in sorted(taken)]


def _places(text: str, name: str) -> Iterator[tuple[int, int]]:
    """Yield where a name stands as a word of its own."""
    start = text.find(name)
    while start >= 0:
        end = start + len(name)
        if not _in_word(text, start - 1, start) and not _in_word(text, end - 1, end):
            yield start, end
        start = text.find(name, start + 1)


def _in_word(text: str, left: int, right: int) -> bool:
    """Say whether two neighbouring characters belong to one word."""
    return left >= 0 and right < len(text) and _is_word(text[left]) and _is_word(text[right])


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"

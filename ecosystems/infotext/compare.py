"""Was an image made with the models that were asked for? What its infotext states of them, against what was to be used.

What an infotext does not state is no difference: web UIs state no hash of text encoders, and none of a VAE, LoRA or
embedding that they know no hash of. Sources: A1111's and Forge's ``create_infotext`` and ``extra_networks_lora``:
``Model hash`` and ``VAE hash`` are AutoV2, ``Lora hashes`` 12 digits of the tensor hash (A1111), of the SHA-256 (Forge)
or of the file's own ``sshs_model_hash`` (both, where it is there), ``TI hashes`` 12 digits of the SHA-256.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from . import resource as r
from .fields import take_apart
from .named import resources_in
from .resource import plain_name

REFINER = "refiner"
WRONG = "wrong"
UNASKED = "unasked"

_CHECKPOINTS = frozenset({r.CHECKPOINT, r.UNET})
_ONE_AT_A_TIME = frozenset({*_CHECKPOINTS, REFINER, r.VAE})
"""Roles of which an image has one model, whatever that is called."""
_COMPARED = frozenset({*_ONE_AT_A_TIME, r.LORA, r.EMBEDDING, r.HYPERNETWORK})
_NONE_UNASKED = frozenset({REFINER, r.LORA, r.HYPERNETWORK})
"""Roles of which an image may have no model that nothing asked for. A VAE may belong to a web UI's settings, and an
embedding's name may be a word of the prompt."""
_COMPARABLE_DIGITS = frozenset({10, 12, 64})
"""Eight digits are A1111's old hash, which is of a part of the file and says nothing of the others."""
_AUTOV3_DIGITS = 12


@dataclass(frozen=True)
class Expected:
    """A model that was to be used: any file of these hashes.

    ``role`` is one of ``resource``'s, or ``refiner``; ``names`` are what it may be called in the infotext: the server's
    file, with or without folder and extension. ``sha256`` and ``tensor_sha256`` are whole hashes, ``claimed`` the
    ``sshs_model_hash`` of its files' metadata, or 12 digits of it.
    """

    role: str
    names: tuple[str, ...] = ()
    sha256: tuple[str, ...] = ()
    tensor_sha256: tuple[str, ...] = ()
    claimed: tuple[str, ...] = ()

    def is_it(self, digits: str) -> bool:
        """Say whether such digits, in lower case, are a hash of this model."""
        hashes = self.sha256
        if len(digits) >= _AUTOV3_DIGITS:
            hashes = (*hashes, *self.tensor_sha256)
        if len(digits) == _AUTOV3_DIGITS:
            hashes = (*hashes, *self.claimed)
        return any(each.lower().startswith(digits) for each in hashes)


@dataclass(frozen=True)
class Difference:
    """A model that an infotext states and that is not what was asked for.

    ``kind``: ``wrong``, another one in the place of ``name``; ``unasked``, one that nothing asked for.
    """

    kind: str
    role: str
    name: str
    digits: str

    def __str__(self) -> str:
        if self.kind == UNASKED:
            return f"the {self.role} {self.name!r} [{self.digits}] was used, which nothing asked for"
        return f"for the {self.role} {self.name!r} another file was used: its hash begins with {self.digits}"


def differences(infotext: str, expected: Sequence[Expected]) -> list[Difference]:
    """Return where an infotext states another model than was asked for, in the order of the infotext.

    A model is wrong where all of its role that were asked for are others, or where it has the name of one that has
    another hash. A refiner or a LoRA that nothing asked for is one too many; where no checkpoint was asked for, none is
    wrong.
    """
    found = []
    for role, name, digits in stated_hashes(infotext):
        asked = [each for each in expected if _plays(each.role, role)]
        if any(each.is_it(digits) for each in asked):
            continue
        named = [each for each in asked if plain_name(name) in map(plain_name, each.names)]
        if named or (asked and role in _ONE_AT_A_TIME):
            meant = (named or asked)[0]
            found.append(Difference(WRONG, role, name or next(iter(meant.names), ""), digits))
        elif role in _NONE_UNASKED:
            found.append(Difference(UNASKED, role, name, digits))
    return found


def stated_hashes(infotext: str) -> list[tuple[str, str, str]]:
    """Return role, name and digits of each model of which an infotext states a hash that can be compared."""
    listed: dict[tuple[str, str, str], None] = {}
    for each in resources_in(take_apart(infotext).fields):
        role = REFINER if each.source == "Refiner" else each.role
        if role in _COMPARED and each.hash is not None and len(each.hash) in _COMPARABLE_DIGITS:
            listed[role, each.name, each.hash] = None
    return list(listed)


def _plays(asked: str, stated: str) -> bool:
    return asked == stated or (asked in _CHECKPOINTS and stated in _CHECKPOINTS)

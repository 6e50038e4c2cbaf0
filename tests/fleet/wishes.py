"""What is asked of the fleet: jobs in every shape that the hub takes, drawn by a seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from quartermaster.tests.fleet.files import CHECKPOINT, KITS, LORA, VAE, Model

STABLEQUEUE, PAYLOAD, INFOTEXT = "stablequeue", "payload", "infotext"
LATE_KIT = KITS - 1
"""Its models are on no server until halfway through."""
STEPS, SIDE = 4, 64


@dataclass(frozen=True)
class Wish:
    """One job. ``models`` are all that it asks for; ``by_name`` says that it names them and states no hash."""

    number: int
    shape: str
    models: tuple[Model, ...]
    by_name: bool
    server: str | None
    priority: int

    def of(self, folder: str) -> tuple[Model, ...]:
        return tuple(model for model in self.models if model.folder == folder)

    @property
    def title(self) -> str:
        return f"picture {self.number:04} of the fleet"

    @property
    def prompt(self) -> str:
        return " ".join([self.title, *(f"<lora:{model.name}:0.8>" for model in self.of(LORA))])

    def body(self) -> dict[str, Any]:
        """Return it as a client sends it."""
        makes = {STABLEQUEUE: self._as_stablequeue, PAYLOAD: self._as_payload, INFOTEXT: self._as_infotext}
        body = makes[self.shape]()
        return {"target_server_alias": self.server or "any", "priority": self.priority, **body}

    @property
    def _checkpoint(self) -> Model:
        return self.of(CHECKPOINT)[0]

    def _as_stablequeue(self) -> dict[str, Any]:
        parameters = {
            "positive_prompt": self.prompt, "negative_prompt": "", "seed": self.number, "steps": STEPS, "width": SIDE,
            "height": SIDE, "sampler_name": "Euler", "cfg_scale": 7,
            "checkpoint_name": f"{self._checkpoint.name}.safetensors",
        }  # fmt: skip
        if not self.by_name:
            parameters["model_hash"] = self._checkpoint.sha256[:10]
        return {"generation_params": parameters}

    def _as_payload(self) -> dict[str, Any]:
        digits = "" if self.by_name else f" [{self._checkpoint.sha256[:10]}]"
        settings = {"sd_model_checkpoint": f"{self._checkpoint.name}.safetensors{digits}"}
        for vae in self.of(VAE):
            settings["sd_vae"] = f"{vae.name}.safetensors"
        parameters = {
            "prompt": self.prompt, "seed": self.number, "steps": STEPS, "width": SIDE, "height": SIDE,
            "sampler_name": "Euler", "override_settings": settings,
        }  # fmt: skip
        return {"generation_params": parameters}

    def _as_infotext(self) -> dict[str, Any]:
        fields = {"Steps": STEPS, "Sampler": "Euler", "CFG scale": 7, "Seed": self.number, "Size": f"{SIDE}x{SIDE}"}
        fields |= {"Model hash": self._checkpoint.sha256[:10], "Model": self._checkpoint.name}
        for vae in self.of(VAE):
            fields |= {"VAE hash": vae.sha256[:10], "VAE": f"{vae.name}.safetensors"}
        if loras := self.of(LORA):
            listed = ", ".join(f"{lora.name}: {lora.sha256[:12]}" for lora in loras)
            fields["Lora hashes"] = f'"{listed}"'
        return {"infotext": f"{self.prompt}\n" + ", ".join(f"{name}: {value}" for name, value in fields.items())}


def make_vain_wishes(first: int, seed: int) -> list[Wish]:
    """Return jobs for models that nobody ever has: by a name, by a hash, by both."""
    dice = random.Random(f"vain wishes of {seed}")
    models = [Model(-1, CHECKPOINT, f"nobody-has-{each}", (dice.randbytes(100),)) for each in range(3)]
    return [
        Wish(first, STABLEQUEUE, (models[0],), True, None, 10),
        Wish(first + 1, INFOTEXT, (models[1],), False, None, 10),
        Wish(first + 2, STABLEQUEUE, (models[2],), False, "attic", 10),
    ]


def make_wishes(count: int, models: Sequence[Model], servers: Sequence[str], early: int, seed: int) -> list[Wish]:
    """Return jobs; those before ``early`` are sent while every name means one model, later ones state hashes.

    A server that is named is the one where ``Mover.put_right`` brings the kit in the end.
    """
    dice = random.Random(f"wishes of {seed}")
    wishes = []
    for number in range(count):
        kit = dice.randrange(KITS)
        names_do = number < early and kit != LATE_KIT
        shape = dice.choice([STABLEQUEUE, PAYLOAD, INFOTEXT] if names_do else [STABLEQUEUE, INFOTEXT, INFOTEXT])
        names_do = names_do and shape != INFOTEXT
        states_addons = names_do or shape == INFOTEXT
        chosen = [dice.choice([model for model in models if (model.kit, model.folder) == (kit, CHECKPOINT)])]
        if states_addons:
            loras = [model for model in models if (model.kit, model.folder) == (kit, LORA)]
            chosen += dice.sample(loras, dice.choice([0, 1, 1, 2]))
        if states_addons and shape != STABLEQUEUE and dice.random() < 0.3:
            chosen += [model for model in models if (model.kit, model.folder) == (kit, VAE)]
        server = sorted(servers)[kit % len(servers)] if dice.random() < 0.1 else None
        wishes.append(Wish(number, shape, tuple(chosen), names_do, server, dice.choice([0, 0, 0, 0, -2, 3])))
    return wishes

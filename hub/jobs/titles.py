"""What a server's own web UI calls a checkpoint that stands at a path of its inventory. Pure functions.

Source: ``CheckpointInfo`` in ``modules/sd_models.py`` of A1111: the title is the path below the folder of checkpoints,
with the separator of the system, and 10 digits of the SHA-256 in brackets.
"""

from collections.abc import Iterable

_FOLDERS = ("stable-diffusion", "checkpoints", "diffusion_models", "unet")
"""Where web UIs keep checkpoints, in lower case: for a server whose agent said nothing of its roots."""


def title_of(path: str, sha256: str | None, roots: Iterable[str] = (), *, windows: bool = False) -> str:
    """Return the title of the checkpoint at ``path``; ``roots`` are the labels of the server's roots."""
    name = _below_root(path, roots)
    name = name.replace("/", "\\") if windows else name
    return f"{name} [{sha256[:10]}]" if sha256 else name


def _below_root(path: str, roots: Iterable[str]) -> str:
    labels = sorted((label for label in roots if label and path.startswith(f"{label}/")), key=len, reverse=True)
    if labels:
        return path[len(labels[0]) + 1 :]
    parts = path.split("/")
    for index, part in enumerate(parts[:-1]):
        if part.lower() in _FOLDERS:
            return "/".join(parts[index + 1 :])
    return parts[-1]

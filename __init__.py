"""Quartermaster: know which models every Stable Diffusion server has, and which of them work together.

The repository root is this package. Its rooms are described, and their imports bounded, in ``docs/architecture.md``.
"""

from . import _version

__version__ = _version.VERSION
__all__ = ["__version__"]

"""The web UI's doorway: registers the package ``quartermaster``, lets it register itself, and does nothing else.

All extensions share one interpreter. So the only name that this one adds is its own, whatever the folder that it was
cloned into is called, and nothing of it lies on ``sys.path``.
"""

import importlib
import importlib.util
import sys
from pathlib import Path


def _package():
    root = Path(__file__).resolve().parent.parent
    loaded = sys.modules.get("quartermaster")
    if loaded is not None and str(root) in map(str, loaded.__path__):
        return loaded
    for name in [name for name in sys.modules if name == "quartermaster" or name.startswith("quartermaster.")]:
        del sys.modules[name]  # an installed copy, of whatever version: the one that was cloned here counts
    spec = importlib.util.spec_from_file_location(
        "quartermaster", root / "__init__.py", submodule_search_locations=[str(root)]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules["quartermaster"] = package
    spec.loader.exec_module(package)
    return package


_package()
importlib.import_module("quartermaster.extension.webui").register()

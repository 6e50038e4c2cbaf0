import importlib.util
import os

loaded_scripts = {}


def load_module(path):
    """Run a script without leaving it in ``sys.modules``."""
    spec = importlib.util.spec_from_file_location(os.path.basename(path), path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    loaded_scripts[path] = module
    return module

"""Where things are, known before all else."""

import argparse
import os

script_path = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
cwd = os.getcwd()
_early = argparse.ArgumentParser(add_help=False)
_early.add_argument("--data-dir", default=script_path)
_early.add_argument("--models-dir", default=None)
_known, _ = _early.parse_known_args()
data_path = os.path.abspath(_known.data_dir)
models_path = os.path.abspath(_known.models_dir) if _known.models_dir else os.path.join(data_path, "models")
extensions_dir = os.path.join(data_path, "extensions")
extensions_builtin_dir = os.path.join(script_path, "extensions-builtin")
config_states_dir = os.path.join(script_path, "config_states")

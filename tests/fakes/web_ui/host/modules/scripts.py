"""Loading extensions' scripts, with each host's way of treating ``sys.path``."""

import os
import sys
from collections import namedtuple

from modules import errors, extensions, paths, script_callbacks, script_loading, shared

ScriptFile = namedtuple("ScriptFile", ["basedir", "filename", "path"])
AlwaysVisible = object()
current_basedir = paths.script_path


class Script:
    """What a script of an extension may derive from."""

    def title(self):
        raise NotImplementedError


def basedir():
    return current_basedir


def list_scripts(folder, suffix, *, include_extensions=True):
    return [file for one in extensions.active() for file in one.list_files(folder, suffix)]


def list_files_with_name(name):
    folders = [paths.script_path, *(one.path for one in extensions.active())]
    return [path for path in (os.path.join(folder, name) for folder in folders) if os.path.isfile(path)]


def load_scripts():
    """Run every script; Forge leaves each extension's root on ``sys.path``, A1111 takes it off again."""
    global current_basedir
    script_callbacks.clear_callbacks()
    before = sys.path
    for file in list_scripts("scripts", ".py"):
        try:
            current_basedir = file.basedir
            if shared.is_forge:
                if file.basedir not in sys.path:
                    sys.path.insert(0, file.basedir)
            else:
                sys.path = [file.basedir, *sys.path]
            script_loading.load_module(file.path)
        except Exception:
            errors.report(f"Error loading script: {file.filename}", exc_info=True)
        finally:
            current_basedir = paths.script_path
            if not shared.is_forge:
                sys.path = before

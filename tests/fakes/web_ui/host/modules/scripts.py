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

    name = None
    args_from = args_to = None
    alwayson = False
    setup_for_ui_only = False
    is_img2img = False

    def title(self):
        raise NotImplementedError

    def ui(self, is_img2img):
        """Return the components whose values the script is given."""

    def show(self, is_img2img):
        return True

    def setup(self, p, *args):
        pass

    def process(self, p, *args):
        pass


class ScriptRunner:
    """The scripts of txt2img or img2img, and where each one's values stand among all."""

    def __init__(self):
        self.scripts, self.selectable_scripts, self.alwayson_scripts, self.inputs = [], [], [], [None]

    def initialize_scripts(self, is_img2img):
        self.scripts, self.selectable_scripts, self.alwayson_scripts, self.inputs = [], [], [], [None]
        for kind in scripts_data:
            script = kind()
            script.is_img2img, script.tabname = is_img2img, "img2img" if is_img2img else "txt2img"
            script.alwayson = script.show(is_img2img) is AlwaysVisible
            self.scripts.append(script)
            (self.alwayson_scripts if script.alwayson else self.selectable_scripts).append(script)

    def setup_ui(self):
        """Make the scripts' components; return all, the chooser of a selectable script first."""
        import gradio as gr

        titles = ["None", *(script.title() for script in self.selectable_scripts)]
        self.inputs = [gr.Dropdown(label="Script", elem_id="script_list", choices=titles, value="None", type="index")]
        for script in [*self.alwayson_scripts, *self.selectable_scripts]:
            script.args_from = len(self.inputs)
            self.inputs += script.ui(script.is_img2img) or []
            script.args_to, script.name = len(self.inputs), script.title().lower()
        return self.inputs

    def defaults(self):
        import gradio as gr

        found = [None] * max([1, *(script.args_to or 1 for script in self.scripts)])
        found[0] = 0
        with gr.Blocks():
            for script in self.scripts:
                found[script.args_from : script.args_to] = [one.value for one in script.ui(script.is_img2img) or []]
        return found

    def with_api_args(self, args, asked):
        from fastapi.exceptions import HTTPException

        for title, given in asked.items():
            script = next((one for one in self.scripts if one.title().lower() == title.lower()), None)
            if script is None:
                raise HTTPException(status_code=422, detail=f"Script '{title}' not found")
            for index, value in enumerate(given.get("args", [])[: script.args_to - script.args_from]):
                args[script.args_from + index] = value
        return args

    def setup(self, p):
        for script in self.alwayson_scripts:
            if not (p.is_api and script.setup_for_ui_only):
                script.setup(p, *p.script_args[script.args_from : script.args_to])

    def process(self, p):
        self.setup(p)
        for script in self.alwayson_scripts:
            script.process(p, *p.script_args[script.args_from : script.args_to])


scripts_txt2img, scripts_img2img = ScriptRunner(), ScriptRunner()
scripts_data = []


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
    from modules import processing_scripts

    scripts_data[:] = processing_scripts.ALL
    before = sys.path
    for file in list_scripts("scripts", ".py"):
        try:
            current_basedir = file.basedir
            if shared.is_forge:
                if file.basedir not in sys.path:
                    sys.path.insert(0, file.basedir)
            else:
                sys.path = [file.basedir, *sys.path]
            module = script_loading.load_module(file.path)
            scripts_data.extend(
                value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Script)
            )
        except Exception:
            errors.report(f"Error loading script: {file.filename}", exc_info=True)
        finally:
            current_basedir = paths.script_path
            if not shared.is_forge:
                sys.path = before

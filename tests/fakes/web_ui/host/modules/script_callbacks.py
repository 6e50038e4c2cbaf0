"""The hosts' hooks that extensions use."""

import inspect
from collections import namedtuple

from modules import errors

ScriptCallback = namedtuple("ScriptCallback", ["script", "callback", "name"])
callback_map = {f"callbacks_{name}": [] for name in (
    "app_started", "on_reload", "model_loaded", "ui_tabs", "ui_settings", "script_unloaded", "before_ui",
    "image_saved", "before_image_saved", "before_component", "after_component", "infotext_pasted")}  # fmt: skip


def _add(kind, callback, name):
    caller = next((f.filename for f in inspect.stack() if f.filename != __file__), "unknown file")
    callback_map[f"callbacks_{kind}"].append(ScriptCallback(caller, callback, name))


def _call(kind, *arguments, backwards=False, **named):
    listed = list(callback_map[f"callbacks_{kind}"])
    results = []
    for entry in reversed(listed) if backwards else listed:
        try:
            results.append(entry.callback(*arguments, **named))
        except Exception:
            errors.report(f"Error executing callback {kind} for {entry.script}", exc_info=True)
    return results


def clear_callbacks():
    for listed in callback_map.values():
        listed.clear()


def on_app_started(callback, *, name=None):
    _add("app_started", callback, name)


def on_before_reload(callback, *, name=None):
    _add("on_reload", callback, name)


def on_model_loaded(callback, *, name=None):
    _add("model_loaded", callback, name)


def on_ui_tabs(callback, *, name=None):
    _add("ui_tabs", callback, name)


def on_ui_settings(callback, *, name=None):
    _add("ui_settings", callback, name)


def on_script_unloaded(callback, *, name=None):
    _add("script_unloaded", callback, name)


def on_before_ui(callback, *, name=None):
    _add("before_ui", callback, name)


def on_image_saved(callback, *, name=None):
    _add("image_saved", callback, name)


def on_after_component(callback, *, name=None):
    _add("after_component", callback, name)


def app_started_callback(demo, app):
    _call("app_started", demo, app)


def app_reload_callback():
    _call("on_reload")


def model_loaded_callback(sd_model):
    _call("model_loaded", sd_model)


def ui_tabs_callback():
    return [tab for answer in _call("ui_tabs") for tab in answer or []]


def ui_settings_callback():
    _call("ui_settings")


def script_unloaded_callback():
    _call("script_unloaded", backwards=True)


def before_ui_callback():
    _call("before_ui", backwards=True)


def after_component_callback(component, **named):
    _call("after_component", component, **named)

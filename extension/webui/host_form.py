"""What the page's form holds for Generate, read with the web UI's own knowledge of it. Knows ``modules.*``.

Facts: A1111 1.10 and Forge ``modules/txt2img.py``, ``img2img.py``, ``scripts.py``, ``infotext_utils.py``. The names of
the values that Generate is given are those of its function's parameters, so a fork's more or fewer values find their
place; where the images of img2img's tabs stand is read from ``img2img`` itself.
"""

import base64
import enum
import importlib
import inspect
import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from . import units
from .form import IMG2IMG, TXT2IMG, Form, Script
from .host_calls import module
from .question import RouteError

_FUNCTIONS = {
    TXT2IMG: ("txt2img", ("txt2img_create_processing", "txt2img")),
    IMG2IMG: ("img2img", ("img2img_function", "img2img")),
}
_MODULES = "forge_additional_modules"
_MODEL_SETTINGS = {"sd_model_checkpoint", "sd_vae", _MODULES}
_ALWAYS = ("CLIP_stop_at_last_layers",)
"""Sent even where it is the default: a server's own value would make another image."""
_DEEPEST = 8
IMG2IMG_TAB, SKETCH, INPAINT, INPAINT_SKETCH, INPAINT_UPLOAD, BATCH = range(6)


def names(mode: str) -> tuple[str, ...]:
    """Return what the values before the scripts' mean.

    Raises:
        RouteError: this web UI's Generate is none that we know.
    """
    place, functions = _FUNCTIONS[mode]
    for function in functions:
        found = getattr(module(place), function, None)
        if found is None:
            continue
        kinds = inspect.signature(found).parameters.values()
        listed = tuple(p.name for p in kinds if p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "request")
        if "prompt" in listed:
            return listed
    raise RouteError(501, "not_supported", f"Quartermaster does not know what Generate on {mode} does in this web UI")


def form(mode: str, values: Sequence[Any], defaults: Sequence[Any]) -> Form:
    """Return what Generate would be given.

    Args:
        mode: ``txt2img`` or ``img2img``.
        values: all values of the form, as Generate's function gets them; the first is the task's name.
        defaults: what the API gives scripts that a request does not name.

    Raises:
        RouteError: it cannot be a job, and why.
    """
    listed = names(mode)
    named = dict(zip(listed, values, strict=False))
    if len(values) < len(listed):
        raise RouteError(501, "not_supported", "the page's form has fewer values than Generate takes")
    scripts = _scripts(mode, values[len(listed) :], defaults)
    images, mask = _images(named) if mode == IMG2IMG else ((), None)
    if mode == IMG2IMG and named.get("selected_scale_tab") == 1:
        width, height = images[0].size
        named |= {side: int(length * named["scale_by"]) for side, length in (("width", width), ("height", height))}
    settings = _settings(named.get("override_settings_texts") or [])
    encoded = [_encoded(image) for image in images]
    return Form(mode, _with_styles(named), scripts, settings, encoded, None if mask is None else _encoded(mask))


def _with_styles(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with the chosen styles written out: another server may not have them."""
    found = {**named}
    chosen, styles = named.get("prompt_styles") or [], getattr(module("shared"), "prompt_styles", None)
    if not chosen or styles is None:
        return found
    for positive, negative in (("prompt", "negative_prompt"), ("hr_prompt", "hr_negative_prompt")):
        if found.get(positive):
            found[positive] = styles.apply_styles_to_prompt(found[positive], chosen)
        if found.get(negative) or (positive == "prompt"):
            found[negative] = styles.apply_negative_styles_to_prompt(found.get(negative) or "", chosen)
    if not named.get("prompt"):
        found["prompt"] = styles.apply_styles_to_prompt("", chosen)
    return found


def _scripts(mode: str, values: Sequence[Any], defaults: Sequence[Any]) -> list[Script]:
    """Return what each script is given; the first value is the chooser's index, 0 for none."""
    runner = getattr(module("scripts"), f"scripts_{mode}")
    chosen = int(values[0] or 0) if values else 0
    found = []
    for script in runner.alwayson_scripts:
        span = slice(script.args_from, script.args_to)
        names = _names_of(script) if getattr(script, "setup_for_ui_only", False) else ()
        found.append(Script(_title(script), _written(values[span]), names, _written(defaults[span])))
    if 0 < chosen <= len(runner.selectable_scripts):
        script = runner.selectable_scripts[chosen - 1]
        found.append(Script(_title(script), _written(values[script.args_from : script.args_to]), chosen=True))
    return found


def _written(values: Sequence[Any]) -> list[Any]:
    """Return a script's values with images and units as its API takes them.

    ControlNet's are objects of a class of its own, which its ``from_dict`` makes from what is written here.
    """
    return [_value(value, 0) for value in values]


def _value(value: Any, depth: int) -> Any:
    if depth > _DEEPEST or value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {key: _value(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item, depth + 1) for item in value]
    if callable(getattr(value, "save", None)) and hasattr(value, "getchannel"):
        return _encoded(value)
    if type(value).__module__ == "numpy" and hasattr(value, "shape"):
        return _encoded(importlib.import_module("PIL.Image").fromarray(value))
    fields = getattr(value, "__dict__", None)
    if fields is None or not isinstance(getattr(value, "enabled", None), bool):
        return value
    if not value.enabled:
        return dict(units.OFF)
    return {key: _value(item, depth + 1) for key, item in units.unit(fields).items()}


def _names_of(script: Any) -> tuple[str, ...]:
    return tuple(inspect.signature(script.setup).parameters)[1:]  # after the processing


def _title(script: Any) -> str:
    return str(script.title())


def _settings(texts: Sequence[str]) -> dict[str, Any]:
    """Return the models that are chosen, the settings that are no default and shape an image, and the form's own."""
    options = module("shared").opts
    # What was never changed is not in the data, but for its default.
    found = {key: getattr(options, key) for key in _ALWAYS if key in options.data_labels}
    for key, info in list(options.data_labels.items()):
        value = options.data.get(key, info.default)
        if getattr(info, "infotext", None) and key not in _MODEL_SETTINGS and value != info.default:
            found[key] = value
    chosen = {key: getattr(options, key) for key in _MODEL_SETTINGS if key in options.data_labels}
    found |= {key: value for key, value in chosen.items() if value}
    found.setdefault("sd_model_checkpoint", _unchosen())
    modules = options.data.get(_MODULES)
    if sys.modules.get("modules_forge.main_entry") is not None:
        found.pop("sd_vae", None)  # which Forge has, and does not look at
    if isinstance(modules, list) and modules:  # whole paths of this machine
        found[_MODULES] = [os.path.basename(str(path)) for path in modules]
    return found | dict(module("infotext_utils").create_override_settings_dict(texts))


def _unchosen() -> str | None:
    """Return the checkpoint that a web UI takes where none was ever chosen, None where it has none."""
    try:
        return str(module("sd_models").select_checkpoint().title)
    except (AttributeError, OSError):  # as the hosts say that there is no checkpoint at all
        return None


def _images(named: Mapping[str, Any]) -> tuple[tuple[Any, ...], Any]:
    """Return the image and the mask of the chosen tab of img2img.

    Raises:
        RouteError: there is none, or the tab is one that cannot be a job.
    """
    tab = int(named.get("mode") or 0)
    if tab == BATCH:
        raise RouteError(
            422, "not_supported", "a batch of img2img reads this machine's folders; queue its images one by one"
        )
    mask = None
    if tab == INPAINT_UPLOAD or ("sketch" not in named and tab):
        image, mask = named.get("init_img_inpaint"), named.get("init_mask_inpaint")
    elif tab == SKETCH:
        image = _over(named.get("sketch"), named.get("sketch_fg"))
    elif tab == INPAINT:
        image, mask = _inpaint(named)
    elif tab == INPAINT_SKETCH:
        raise RouteError(
            422, "not_supported", "what Inpaint sketch paints cannot be queued yet; use Inpaint or Inpaint upload"
        )
    else:
        image = named.get("init_img")
    if image is None:
        raise RouteError(
            422, "missing_required_field", "there is no image on img2img to begin with", {"field": "image"}
        )
    fix = getattr(module("images"), "fix_image", lambda found: found) if "modules.images" in sys.modules else None
    return ((fix(image) if fix else image,), mask)


def _inpaint(named: Mapping[str, Any]) -> tuple[Any, Any]:
    """A1111's editor gives both in one; Forge's canvas has the mask in what is painted over the image."""
    given = named.get("init_img_with_mask")
    if isinstance(given, Mapping):
        return given.get("image"), given.get("mask")
    painted = named.get("init_img_with_mask_fg")
    return given, None if painted is None else painted.getchannel("A").convert("L").point(
        lambda v: 255 if v > 128 else 0
    )


def _over(image: Any, painted: Any) -> Any:
    if image is None or painted is None:
        return image
    image = image.convert("RGBA")
    image.alpha_composite(painted.convert("RGBA"))
    return image.convert("RGB")


def _encoded(image: Any) -> str:
    content = io.BytesIO()
    image.save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


def files(form: Form) -> dict[tuple[str, str], str]:
    """Return the files of the models that a form chooses by a name of this web UI: role and name -> path."""
    aliases = getattr(sys.modules.get("modules.sd_models"), "checkpoint_aliases", {})
    named = {**form.named}
    for script in form.scripts:
        named.update(zip(script.names, script.values, strict=False))
    found: dict[tuple[str, str], str] = {}
    chosen = form.settings.get("sd_model_checkpoint"), named.get("hr_checkpoint_name")
    for role, name in [("checkpoint", each) for each in chosen] + [("refiner", named.get("refiner_checkpoint"))]:
        file = getattr(aliases.get(name), "filename", None) if isinstance(name, str) else None
        if file and isinstance(name, str):
            found[role, name] = os.path.abspath(file)
    vaes = getattr(sys.modules.get("modules.sd_vae"), "vae_dict", {})
    vae = form.settings.get("sd_vae")
    if vae in vaes:
        found["vae", str(vae)] = os.path.abspath(vaes[vae])
    for path in module("shared").opts.data.get(_MODULES) or ():
        if os.path.basename(str(path)) in (form.settings.get(_MODULES) or ()):
            found["module", os.path.basename(str(path))] = os.path.abspath(str(path))
    return found

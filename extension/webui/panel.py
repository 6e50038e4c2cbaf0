"""The tab: one empty element that ``javascript/quartermaster*.js`` draws from our routes. The only module with gradio.

So gradio 3.41 and 4.40 have nothing to differ in, and 20,000 models never pass through a gradio component. What the
page's form holds only gradio can say: two buttons that nobody sees hand it over, with the inputs that Generate has.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr

TAB_ID = "quartermaster"
TITLE = "Quartermaster"
_ELEMENT = '<div id="quartermaster">Quartermaster is loading…</div>'
_SCRIPT = "js" if int(gr.__version__.partition(".")[0]) >= 4 else "_js"
_SUBMITS = ("submit", "submit_img2img")
"""The page's own functions that Generate calls first: of several things that a click starts, these are it."""

HandOver = Callable[[str, Sequence[Any]], None]


def tab(generate: Mapping[str, Any], hand_over: HandOver) -> list[tuple[gr.Blocks, str, str]]:
    """Return what ``on_ui_tabs`` wants: the blocks, the title and the id of the tab.

    Args:
        generate: the Generate button of ``txt2img`` and ``img2img``, where the page has one.
        hand_over: is given the mode and all that Generate would be, when the page asks for it.
    """
    with gr.Blocks(analytics_enabled=False) as blocks:
        gr.HTML(_ELEMENT)
        known: dict[int, Any] = {}
        for button in generate.values():
            known |= _root(button).blocks
        for mode, button in generate.items():
            inputs = _inputs(button, known)
            if inputs:
                _collector(mode, inputs, hand_over)
    return [(blocks, TITLE, TAB_ID)]


def _collector(mode: str, inputs: list[Any], hand_over: HandOver) -> None:
    def collected(*values: Any) -> None:
        hand_over(mode, values)

    asked = f"(...given) => window.quartermaster.queue.given('{mode}', given)"
    button = gr.Button(f"Collect {mode}", elem_id=f"quartermaster_collect_{mode}")
    button.click(fn=collected, inputs=inputs, outputs=[], queue=False, api_name=False, **{_SCRIPT: asked})


def _root(button: Any) -> Any:
    while getattr(button, "parent", None) is not None:
        button = button.parent
    return button


def _inputs(button: Any, known: Mapping[int, Any]) -> list[Any]:
    """Return the components whose values a click on Generate sends, none where that cannot be found out.

    img2img's may be of txt2img's blocks: A1111 has one invisible component for both.
    """
    config = getattr(_root(button), "config", None) or {}
    started = [each for each in config.get("dependencies", ()) if _is_clicked(each, button._id)]
    started.sort(key=lambda each: (each.get("js") in _SUBMITS, len(each["inputs"])))
    numbers = started[-1]["inputs"] if started else []
    return [known[number] for number in numbers] if all(number in known for number in numbers) else []


def _is_clicked(dependency: Mapping[str, Any], number: int) -> bool:
    """gradio before 3.50 has the event beside the targets, later with each."""
    targets = dependency.get("targets", ())
    if dependency.get("trigger") == "click":
        return any(number in {target, *(target if isinstance(target, (list, tuple)) else ())} for target in targets)
    return any(isinstance(target, (list, tuple)) and tuple(target[:2]) == (number, "click") for target in targets)

"""The tab: one empty element that ``javascript/quartermaster*.js`` draws from our routes. The only module with gradio.

So gradio 3.41 and 4.40 have nothing to differ in, and 20,000 models never pass through a gradio component.
"""

import gradio as gr

TAB_ID = "quartermaster"
TITLE = "Quartermaster"
_ELEMENT = '<div id="quartermaster">Quartermaster is loading…</div>'


def tab() -> list[tuple[gr.Blocks, str, str]]:
    """Return what ``on_ui_tabs`` wants: the blocks, the title and the id of the tab."""
    with gr.Blocks(analytics_enabled=False) as blocks:
        gr.HTML(_ELEMENT)
    return [(blocks, TITLE, TAB_ID)]

"""The tab and made-up answers on the routes, so that the page can be driven into every state. Tests only."""

import json

import canned_world
import gradio as gr
from modules import script_callbacks, shared
from starlette.responses import JSONResponse, Response

WORLD = canned_world.World(shared)


def tab():
    with gr.Blocks(analytics_enabled=False) as interface:
        gr.HTML('<div id="quartermaster"></div>')
    return [(interface, "Quartermaster", "quartermaster")]


async def answer(request):
    """Answer by the path's name from the world; a test changes the world through ``POST canned``."""
    name = request.path_params["name"]
    body = await request.body()
    image = request.headers.get("content-type", "").startswith("image/")
    data = json.loads(body) if body and not image else {"image": image}
    query = dict(request.query_params)
    handler = getattr(WORLD, f"{request.method.lower()}_{name.replace('/', '_')}", None)
    if handler is None:
        return JSONResponse({"success": False, "error": "not_found", "message": f"no {name}", "details": {}}, 404)
    WORLD.asked.append(f"{request.method} {name}")
    given = handler({**query, **data})
    if isinstance(given, Response):
        return given
    return JSONResponse({"success": True, **given}, given.pop("status_code", 200))


def routes(_demo, app):
    app.add_route("/quartermaster/{name:path}", answer, methods=["GET", "POST"])


script_callbacks.on_ui_tabs(tab)
script_callbacks.on_app_started(routes)

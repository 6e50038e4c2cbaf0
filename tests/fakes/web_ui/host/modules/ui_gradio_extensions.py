"""Extensions' scripts and style sheets, put into gradio's own page."""

import os

import gradio as gr

from modules import paths, scripts

_original = gr.routes.templates.TemplateResponse


def webpath(path):
    inside = os.path.commonpath([paths.script_path, os.path.abspath(path)]) == paths.script_path
    shown = os.path.relpath(path, paths.script_path) if inside else os.path.abspath(path)
    return f"file={shown}?{os.path.getmtime(path)}"


def reload_javascript():
    files = [os.path.join(paths.script_path, "script.js")]
    files += [script.path for script in scripts.list_scripts("javascript", ".js")]
    head = "".join(f'<script type="text/javascript" src="{webpath(path)}"></script>\n' for path in files)
    sheets = [f'<link rel="stylesheet" href="{webpath(path)}">' for path in scripts.list_files_with_name("style.css")]

    def response(*arguments, **named):
        answer = _original(*arguments, **named)
        answer.body = answer.body.replace(b"</head>", f"{head}</head>".encode())
        answer.body = answer.body.replace(b"</body>", f"{''.join(sheets)}</body>".encode())
        answer.init_headers()
        return answer

    gr.routes.templates.TemplateResponse = response

"""The stand-in's loop: build the page, serve it, and build it anew at "Reload UI", in the order that HOSTS.md has."""

import asyncio
import threading
import time

from modules import initialize, script_callbacks, shared, ui, ui_extra_networks


def main() -> None:
    """Serve until the process is ended; Forge generates in the main thread meanwhile."""
    initialize.initialize()
    if not shared.is_forge:
        return serve()
    from modules_forge import main_thread

    threading.Thread(target=serve, daemon=True).start()
    return main_thread.loop()


def serve() -> None:
    """Build the page and serve it, again at each reload."""
    asyncio.set_event_loop(asyncio.new_event_loop())  # gradio wants one; the hosts have a policy for it
    if shared.cmd_opts.nowebui:
        return api_only()
    while True:
        script_callbacks.before_ui_callback()
        shared.demo = ui.create_ui()
        shared.demo.queue()
        login = [tuple(pair.split(":", 1)) for pair in shared.cmd_opts.gradio_auth.split(",") if pair]
        app, url, _ = shared.demo.launch(
            server_name="127.0.0.1",
            server_port=shared.cmd_opts.port,
            auth=login or None,
            prevent_thread_lock=True,
            quiet=True,
            show_api=False,
            allowed_paths=[shared.data_path],
            app_kwargs={"docs_url": "/docs"},
        )
        # gradio 3.41 waits, now and then for ever, for connections of its own; a reload should not hang on that.
        shared.demo.server.config.timeout_graceful_shutdown = 10
        app.user_middleware = [x for x in app.user_middleware if x.cls.__name__ != "CORSMiddleware"]
        app.middleware_stack = None
        app.middleware_stack = app.build_middleware_stack()
        ui.setup_ui_api(app)
        ui_extra_networks.add_pages_to_demo(app)
        if shared.cmd_opts.api:
            add_api(app)
        script_callbacks.app_started_callback(shared.demo, app)
        print(f"serving {url}", flush=True)
        while shared.state.wait_for_server_command(timeout=5) != "restart":
            pass
        print("Restarting UI...", flush=True)
        shared.demo.close()
        time.sleep(0.5)
        script_callbacks.app_reload_callback()
        script_callbacks.script_unloaded_callback()
        initialize.initialize_rest()


def add_api(app) -> None:
    from modules.api.api import Api
    from modules.call_queue import queue_lock

    Api(app, queue_lock)


def api_only() -> None:
    """Serve no page: ``--nowebui``."""
    import uvicorn
    from fastapi import FastAPI

    app = FastAPI()
    ui.setup_ui_api(app)
    add_api(app)
    script_callbacks.before_ui_callback()
    script_callbacks.app_started_callback(None, app)
    print(f"serving http://127.0.0.1:{shared.cmd_opts.port}/", flush=True)
    uvicorn.run(app, host="127.0.0.1", port=shared.cmd_opts.port, log_level="warning")


if __name__ == "__main__":
    main()

"""The agent inside a web UI: one function for its doorway, ``register``."""


def register() -> None:
    """Hook into the web UI that is loading our script, and start the agent aside.

    Called at start-up and again at each Reload UI, when the package is still loaded: so there is one agent, which is
    stopped before the reload and started anew here.
    """
    from .hooks import hook_in

    hook_in()

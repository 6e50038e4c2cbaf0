"""The hub's web page: server-rendered, readable without JavaScript."""

from . import (
    activity,
    assets,
    compatibility,
    correcting,
    fleet,
    keys,
    login,
    model,
    models,
    queue,
    queue_job,
    queue_new,
    settings,
    theme,
)

PAGE_ROUTERS = (
    assets.router,
    login.router,
    theme.router,
    fleet.router,
    models.router,
    correcting.router,  # before the next, whose paths begin with a hash that could be any word
    model.router,
    compatibility.router,
    queue.router,
    queue_new.router,  # before the next, whose paths begin with an id that could be any word
    queue_job.router,
    activity.router,
    keys.router,
    settings.router,
)

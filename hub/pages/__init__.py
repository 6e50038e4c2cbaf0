"""The hub's web page: server-rendered, readable without JavaScript."""

from . import activity, assets, compatibility, correcting, fleet, keys, login, model, models, settings, theme

PAGE_ROUTERS = (
    assets.router,
    login.router,
    theme.router,
    fleet.router,
    models.router,
    correcting.router,  # before the next, whose paths begin with a hash that could be any word
    model.router,
    compatibility.router,
    activity.router,
    keys.router,
    settings.router,
)

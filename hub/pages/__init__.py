"""The hub's web page: server-rendered, readable without JavaScript."""

from . import activity, assets, fleet, keys, login, settings, theme

PAGE_ROUTERS = (assets.router, login.router, theme.router, fleet.router, activity.router, keys.router, settings.router)

"""The hub's web page: server-rendered, readable without JavaScript."""

from . import assets, fleet, theme

PAGE_ROUTERS = (assets.router, theme.router, fleet.router)

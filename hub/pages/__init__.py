"""The hub's web page: server-rendered, readable without JavaScript."""

from . import assets, fleet, login, theme

PAGE_ROUTERS = (assets.router, login.router, theme.router, fleet.router)

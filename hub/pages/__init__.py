"""The hub's web page: server-rendered, readable without JavaScript."""

from . import access

PAGE_ROUTERS = (access.router,)

"""HTTP: routes translate between requests and the services, and decide nothing."""

from . import ecosystems, models, operations, servers, sync

ALL_ROUTERS = (operations.router, sync.router, models.router, servers.router, ecosystems.router)

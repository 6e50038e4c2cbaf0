"""HTTP: routes translate between requests and the services, and decide nothing."""

from . import documentation, ecosystems, models, operations, servers, sync

ALL_ROUTERS = (
    operations.router,
    documentation.router,
    sync.router,
    models.router,
    servers.router,
    ecosystems.router,
)

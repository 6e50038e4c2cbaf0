"""HTTP: routes translate between requests and the services, and decide nothing."""

from . import ecosystems, models, operations, overrides, pairing, servers, sync

ALL_ROUTERS = (
    operations.router,
    sync.router,
    models.router,
    overrides.router,
    servers.router,
    ecosystems.router,
    pairing.router,
)

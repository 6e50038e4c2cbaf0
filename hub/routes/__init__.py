"""HTTP: routes translate between requests and the services, and decide nothing."""

from . import documentation, ecosystems, enrichment, models, operations, overrides, pairing, servers, sync

ALL_ROUTERS = (
    operations.router,
    documentation.router,
    sync.router,
    models.router,
    overrides.router,
    servers.router,
    ecosystems.router,
    enrichment.router,
    pairing.router,
)

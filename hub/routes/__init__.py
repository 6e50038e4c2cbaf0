"""HTTP: routes translate between requests and the services, and decide nothing."""

from . import aliases, documentation, ecosystems, enrichment, models, operations, overrides, pairing, servers, sync

ALL_ROUTERS = (
    operations.router,
    documentation.router,
    sync.router,
    aliases.router,  # before models: its {hash} would take "find"
    models.router,
    overrides.router,
    servers.router,
    ecosystems.router,
    enrichment.router,
    pairing.router,
)

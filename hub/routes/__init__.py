"""HTTP: routes translate between requests and the services, and decide nothing."""

from . import aliases, documentation, ecosystems, models, operations, overrides, pairing, servers, stablequeue, sync

ALL_ROUTERS = (
    operations.router,
    documentation.router,
    sync.router,
    aliases.router,  # before models: its {hash} would take "find"
    models.router,
    overrides.router,
    servers.router,
    ecosystems.router,
    pairing.router,
    stablequeue.router,
)

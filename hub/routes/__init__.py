"""HTTP: routes translate between requests and the services, and decide nothing."""

from . import (
    aliases,
    documentation,
    ecosystems,
    enrichment,
    events,
    fleet,
    history,
    job_images,
    keys,
    models,
    operations,
    overrides,
    pairing,
    servers,
    stablequeue,
    sync,
)

ALL_ROUTERS = (
    operations.router,
    documentation.router,
    sync.router,
    aliases.router,
    models.router,
    overrides.router,
    servers.router,
    fleet.router,
    ecosystems.router,
    enrichment.router,
    pairing.router,
    events.router,
    history.router,
    job_images.router,
    keys.router,
    stablequeue.router,
)

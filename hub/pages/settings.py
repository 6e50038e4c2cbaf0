"""``/settings``: what this hub runs with. It is set where the hub is started; here it is read, and backed up."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from ..database_facts import database_facts
from ..routes.callers import the_hub
from ..shown_settings import shown_settings
from .access import PageForm, Visitor
from .going import see
from .rendering import page

router = APIRouter(include_in_schema=False)


@router.get("/settings")
def settings(request: Request, visitor: Visitor) -> Response:
    """Show every setting, the database, versions."""
    visitor.must_administer()
    hub = the_hub(request)
    return page(
        request, visitor, "settings.html", settings=shown_settings(hub.settings), database=database_facts(hub.database),
        backups=hub.backups.listed(), folder=hub.backups.folder, making=hub.backups.state(),
        catalogue=hub.catalogues.current, catalogue_digest=hub.catalogues.described[0],
    )  # fmt: skip


@router.post("/settings/backups")
def back_up(request: Request, visitor: Visitor, _form: PageForm) -> Response:
    """Begin to make a backup."""
    visitor.must_administer()
    the_hub(request).backups.start()
    return see("/settings#backups")

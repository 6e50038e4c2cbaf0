"""``/keys…``: who may do what: keys, sessions, and pairing."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from ..keys import ADMIN, AGENT, CLIENT, NewKey
from ..routes.callers import the_hub
from ..trust.audit import AuditQuestion
from ..whereabouts import whereabouts
from .access import PageForm, Visitor
from .going import see
from .rendering import page

SCOPES = {
    AGENT: "agent: one server's inventory, and what a client may",
    CLIENT: "client: reads, submits jobs",
    ADMIN: "admin: everything",
}
GRACES = {"none": 0.0, "hour": 3600.0, "day": 86_400.0}
"""How long the secret before a rotation works on, in seconds."""
_SAID = {"revoked": "The key works no more, from now on.", "ended": "That session ended."}

router = APIRouter(include_in_schema=False)


@router.get("/keys")
def keys(request: Request, visitor: Visitor, said: str = "") -> Response:
    """List keys and sessions."""
    visitor.must_administer()
    hub = the_hub(request)
    listed = sorted(hub.keys.listed(), key=lambda key: (key.revoked_at is not None, -key.created_at))
    return page(
        request, visitor, "keys.html", keys=listed, sessions=hub.sessions.listed(), scopes=SCOPES,
        servers=hub.servers.listed(), said=_SAID.get(said),
    )  # fmt: skip


@router.post("/keys")
def make(request: Request, visitor: Visitor, form: PageForm) -> Response:
    """Make a key and show its secret in this answer alone: it stands in no address and no cookie."""
    visitor.must_administer()
    scope = form.get("scope", "")
    server_id = form.get("server", "").strip() if scope == AGENT else None
    made = the_hub(request).keys.create(form.get("name", "").strip(), scope, server_id, caller=visitor)
    return _once(request, visitor, made)


def _once(request: Request, visitor: Visitor, made: NewKey) -> Response:
    return page(request, visitor, "key_made.html", made=made, address=_address(request))


@router.get("/keys/{key}/revoke")
def ask_to_revoke(request: Request, visitor: Visitor, key: str) -> Response:
    """Say what revoking it means."""
    visitor.must_administer()
    found = next((each for each in the_hub(request).keys.listed() if each.key == key), None)
    return page(request, visitor, "key_revoke.html", key=key, info=found, mine=key == visitor.key)


@router.post("/keys/{key}/revoke")
def revoke(request: Request, visitor: Visitor, key: str) -> Response:
    """Make it useless."""
    visitor.must_administer()
    the_hub(request).keys.revoke(key, visitor)
    return see("/keys?said=revoked")


@router.get("/keys/{key}/rotate")
def ask_to_rotate(request: Request, visitor: Visitor, key: str) -> Response:
    """Say what a new secret means, and ask how long the old one shall work on."""
    visitor.must_administer()
    found = next((each for each in the_hub(request).keys.listed() if each.key == key), None)
    return page(request, visitor, "key_rotate.html", key=key, info=found)


@router.post("/keys/{key}/rotate")
def rotate(request: Request, visitor: Visitor, key: str, form: PageForm) -> Response:
    """Give it another secret, and show that in this answer alone."""
    visitor.must_administer()
    grace = GRACES.get(form.get("grace", ""), 0.0)
    return _once(request, visitor, the_hub(request).keys.rotate(key, grace, visitor))


@router.get("/keys/audit")
def audit(request: Request, visitor: Visitor, cursor: str | None = None) -> Response:
    """Show what was changed by whom, the newest first."""
    visitor.must_administer()
    found = the_hub(request).audit.page(AuditQuestion(cursor=cursor))
    return page(request, visitor, "audit.html", entries=found["entries"], older=found["next_cursor"])


@router.post("/keys/sessions/{session_id}/end")
def end_session(request: Request, visitor: Visitor, session_id: str) -> Response:
    """Log somebody out."""
    visitor.must_administer()
    the_hub(request).sessions.end(session_id, visitor)
    return see("/keys?said=ended")


@router.get("/keys/pair")
def ask_to_pair(request: Request, visitor: Visitor, server: str = "") -> Response:
    """Ask which server a code is for."""
    visitor.must_administer()
    return page(request, visitor, "pair.html", server=server, servers=the_hub(request).servers.listed(), made=None)


@router.post("/keys/pair")
def pair(request: Request, visitor: Visitor, form: PageForm) -> Response:
    """Make a code and show it in this answer alone."""
    visitor.must_administer()
    hub = the_hub(request)
    made = hub.pairing.make(form.get("server", "").strip(), caller=visitor)
    place = whereabouts(hub.settings.data_dir)
    return page(
        request, visitor, "pair.html", made=made, server=made.server_id, servers=[], address=_address(request),
        only_here=place.noted and place.only_here, since=int(hub.clock() * 1000),
        paired=False,
    )  # fmt: skip


@router.get("/keys/paired")
def paired(request: Request, visitor: Visitor, server: str, since: int) -> Response:
    """Say whether a server was paired since a moment (milliseconds since the epoch): what an open page asks."""
    visitor.must_administer()
    keys = the_hub(request).keys.listed()
    done = any(key.by_pairing and key.server_id == server and key.created_at * 1000 >= since for key in keys)
    return page(request, visitor, "paired.html", server=server, since=since, paired=done)


def _address(request: Request) -> str:
    """Return this hub's address as this browser knows it: where it is, others of its network may be too."""
    return str(request.base_url).rstrip("/")

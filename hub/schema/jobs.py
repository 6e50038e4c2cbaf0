"""Jobs: what is to be made, of which models, by which server, in which order, and what came of it."""

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    literal_column,
    text,
)

from .base import RowId, explain, metadata

jobs = Table(
    "jobs",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("public_id", String(36), nullable=False, unique=True),
    Column("state", String(12), nullable=False),
    Column("need_id", RowId),
    Column("target_server_id", String(100)),
    Column("priority", Integer, nullable=False, default=0),
    Column("tag", Double, nullable=False),
    Column("rank", Double, nullable=False),
    Column("submitter", String(80), nullable=False),
    Column("submitted_by", Text, nullable=False, default=""),
    Column("source", Text),
    Column("bulk_id", String(36)),
    Column("mode", String(12), nullable=False),
    Column("payload", Text, nullable=False),
    Column("asked", Text, nullable=False),
    Column("title", Text, nullable=False, default=""),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("queued_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("attempts", Integer, nullable=False, default=0),
    Column("max_attempts", Integer, nullable=False),
    Column("server_id", String(100)),
    Column("lease", String(40)),
    Column("lease_until", Double),
    Column("avoid_until", Double),
    Column("progress", Double, nullable=False, default=0.0),
    Column("progress_details", Text),
    Column("error_code", String(60)),
    Column("error_message", Text),
    Column("result", Text),
)
"""One row per job. ``rank`` is ``tag`` moved by the priority: the least is the next (``jobs.ranks``). ``lease`` is
there while a server runs it; a result is taken with the lease that the row has, and no other. ``server_id`` is the
server that runs it, or ran it last. ``need_id`` is no foreign key: a need is deleted when no job has it, and to look
for one at each deletion would take an index of all jobs."""

explain(
    jobs,
    public_id="the id that everybody is told, a UUID",
    state="`pending`, `processing`, `completed`, `failed` or `cancelled`",
    need_id="null where a requirement is not resolved, and when the job is done",
    queued_at="since when it waits, or waited last",
    target_server_id="the server that was asked for; null: any",
    tag="its turn in fair order among submitters",
    rank="tag moved by the priority; the least is the next",
    submitter="the key that it came with",
    submitted_by="that key's name",
    source="what sent it, in its own words",
    bulk_id="of the jobs that were submitted together",
    mode="`txt2img` or `img2img`",
    payload="JSON: the request to the web UI, without models",
    asked="JSON: the request as it was sent, without images",
    title="the beginning of the prompt",
    attempts="how often a server began",
    lease="random; whoever runs the job shows it",
    avoid_until="until then it is not given to each server that gave it back (`job_attempts`)",
    progress="0 to 1",
    progress_details="JSON: phase, step, steps, seconds that are left",
    result="JSON: seconds, and what the server said of the images",
)

_waiting = text("state = 'pending'")
Index("jobs_waiting", jobs.c.need_id, jobs.c.rank, jobs.c.id, sqlite_where=_waiting, postgresql_where=_waiting)
_running = text("state = 'processing'")
Index("jobs_leases", jobs.c.lease_until, sqlite_where=_running, postgresql_where=_running)
IS_PENDING: ColumnElement[bool] = literal_column("jobs.state = 'pending'")
IS_PROCESSING: ColumnElement[bool] = literal_column("jobs.state = 'processing'")
"""Conditions that say to both databases that the partial indexes serve them; a parameter would not."""
# The lists and their counts read these alone, and no rows: the title is what a text is looked for in.
Index("jobs_state", jobs.c.state, jobs.c.id, jobs.c.title)
Index("jobs_turn", jobs.c.state, jobs.c.rank, sqlite_where=_waiting, postgresql_where=_waiting)
_ended = text("finished_at IS NOT NULL")
Index("jobs_finished_at", jobs.c.finished_at, jobs.c.id, sqlite_where=_ended, postgresql_where=_ended)
Index("jobs_server_id", jobs.c.server_id, jobs.c.state, jobs.c.id)
_for_one = text("target_server_id IS NOT NULL")
Index(
    "jobs_target_server_id",
    jobs.c.target_server_id,
    jobs.c.state,
    jobs.c.id,
    sqlite_where=_for_one,
    postgresql_where=_for_one,
)
Index("jobs_submitter", jobs.c.submitter, jobs.c.state, jobs.c.id)
_together = text("bulk_id IS NOT NULL")
Index("jobs_bulk_id", jobs.c.bulk_id, jobs.c.state, jobs.c.id, sqlite_where=_together, postgresql_where=_together)

job_requirements = Table(
    "job_requirements",
    metadata,
    Column("job_id", RowId, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("slot", Integer, nullable=False),
    Column("role", String(20), nullable=False),
    Column("name", Text, nullable=False),
    Column("hash", String(64)),
    Column("source", Text, nullable=False, default=""),
    Column("weight", Double),
    Column("resolution", String(12), nullable=False),
    Column("models", Text, nullable=False, default="[]"),
    Column("model_id", RowId),
    Column("candidates", Text, nullable=False, default="[]"),
    Column("civitai_version_id", BigInteger),
    PrimaryKeyConstraint("job_id", "slot"),
)
"""The models that a job asks for, as it asked and as they were resolved; once resolved they stay the same models."""

explain(
    job_requirements,
    role="`checkpoint`, `refiner`, `vae`, `text_encoder`, `lora`, `embedding`, `controlnet`, …",
    name="as it was written; empty where only a hash was",
    hash="as it was asked for: AutoV2, AutoV3 or SHA-256",
    source="where it stands: `prompt`, the name of a parameter",
    resolution="`resolved`, `unknown` or `ambiguous`",
    models="JSON: ids of the models any of which will do",
    model_id="the first of these",
    candidates="JSON: ids of those that it could mean",
    civitai_version_id="what an image of Civitai's generator says instead of a hash",
)
_unresolved = text("resolution <> 'resolved'")
Index(
    "job_requirements_unresolved",
    job_requirements.c.job_id,
    sqlite_where=_unresolved,
    postgresql_where=_unresolved,
)
IS_UNRESOLVED: ColumnElement[bool] = literal_column("job_requirements.resolution <> 'resolved'")
Index("job_requirements_model_id", job_requirements.c.model_id, job_requirements.c.job_id)
Index("job_requirements_hash", job_requirements.c.hash, job_requirements.c.job_id)

job_attempts = Table(
    "job_attempts",
    metadata,
    Column("job_id", RowId, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("server_id", String(100), nullable=False),
    Column("claimed_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("outcome", String(20)),
    Column("reason", Text),
    Column("had", Text, nullable=False, default="[]"),
    Column("lease", String(40), nullable=False),
    Column("heard_at", Double),
    Column("avoid_until", Double),
    PrimaryKeyConstraint("job_id", "number"),
)
"""Each time that a server was given a job, and how that ended."""

explain(
    job_attempts,
    outcome="`completed`, `failed`, `handed_back`, `lost` or `cancelled`; null while it runs",
    reason="in words",
    had="JSON: the paths and hashes of the models that the server had when it was given the job",
    lease="of this attempt: a report that comes twice is recognised by it",
    heard_at="when the server last said that it is at it; null: never",
    avoid_until="so long this server is not given the job that it gave back, though nobody else can do it",
)
Index("job_attempts_server_id", job_attempts.c.server_id, job_attempts.c.claimed_at)

job_submitters = Table(
    "job_submitters",
    metadata,
    Column("submitter", String(80), primary_key=True),
    Column("last_tag", Double, nullable=False),
)
"""The tag of a submitter's last job (``jobs.ranks``)."""

job_turns = Table(
    "job_turns",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("now", Double, nullable=False),
)
"""One row: the greatest tag of a job that was given to a server: the fair order's own time."""

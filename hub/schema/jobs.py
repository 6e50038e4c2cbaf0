"""Jobs: what is to be made, of which models, by which server, and what came of it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Computed,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    literal_column,
    text,
)

from .base import RowId, explain, metadata

job_needs = Table(
    "job_needs",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("target_server_id", String(100)),
    Column("slots", Integer, nullable=False),
    Column("checkpoint_id", RowId),
    Column("waiting", Integer, nullable=False, default=0),
    Column("head_rank", Double),
)
"""What waiting jobs need, each set of models (and the server, where a job names one) once. A job whose requirements are
not all resolved has none. ``waiting`` and ``head_rank`` change only together with the jobs that wait with this need."""

explain(
    job_needs,
    key="SHA-256 of the target and of the slots with their models, canonical",
    target_server_id="the one server that may, null: any",
    slots="how many models a server must have at once",
    checkpoint_id="the model that is loaded for it",
    waiting="how many jobs wait with this need",
    head_rank="the least rank of these",
)

job_need_models = Table(
    "job_need_models",
    metadata,
    Column("need_id", RowId, ForeignKey("job_needs.id", ondelete="CASCADE"), nullable=False),
    Column("slot", Integer, nullable=False),
    Column("model_id", RowId, ForeignKey("models.id", ondelete="CASCADE"), nullable=False),
    PrimaryKeyConstraint("need_id", "slot", "model_id"),
)
"""Any of a slot's models fills it: files with equal tensors are one."""

Index("job_need_models_model_id", job_need_models.c.model_id)

job_need_servers = Table(
    "job_need_servers",
    metadata,
    Column("need_id", RowId, ForeignKey("job_needs.id", ondelete="CASCADE"), nullable=False),
    Column("server_id", String(100), nullable=False),
    Column("head_rank", Double, nullable=False),
    Column("checkpoint_id", RowId),
    Column("since", Double, nullable=False),
    PrimaryKeyConstraint("need_id", "server_id"),
)
"""Which servers have all that a need asks for, while a job waits with it, with the need's ``head_rank`` and checkpoint
beside it: a claim reads one row, of any need or of one whose checkpoint is loaded. ``server_id`` is no foreign key: on
PostgreSQL queueing a job would wait for every sync that is under way."""

Index("job_need_servers_head", job_need_servers.c.server_id, job_need_servers.c.head_rank, job_need_servers.c.need_id)
Index(
    "job_need_servers_loaded",
    job_need_servers.c.server_id,
    job_need_servers.c.checkpoint_id,
    job_need_servers.c.head_rank,
    job_need_servers.c.need_id,
)
explain(
    job_need_servers,
    head_rank="of the need, repeated",
    checkpoint_id="of the need, repeated",
    since="when the server was found to have all",
)

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

job_images = Table(
    "job_images",
    metadata,
    Column("job_id", RowId, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("n", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("content_type", String(40), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("infotext", Text),
    Column("created_at", Double, nullable=False),
    Column("deleted_at", Double),
    PrimaryKeyConstraint("job_id", "n"),
)
"""The images of a job; they count once the job is completed. What is in them is in ``job_image_parts``."""

explain(
    job_images,
    n="from 0",
    attempt="which made it",
    infotext="as the server said it",
    deleted_at="when its content was deleted to save room; null: it is there",
)
_kept = text("deleted_at IS NULL")
Index(
    "job_images_kept",
    job_images.c.created_at,
    job_images.c.job_id,
    job_images.c.n,
    job_images.c.size_bytes,
    sqlite_where=_kept,
    postgresql_where=_kept,
)

job_image_parts = Table(
    "job_image_parts",
    metadata,
    Column("job_id", RowId, nullable=False),
    Column("n", Integer, nullable=False),
    Column("part", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("job_id", "n", "part"),
    ForeignKeyConstraint(["job_id", "n"], ["job_images.job_id", "job_images.n"], ondelete="CASCADE"),
)
"""The images themselves, a MiB at a time, so that no whole one needs to be in memory to be sent. In the database, so
that any of several hub processes can hand them out; ``jobs.keeping`` bounds them."""

explain(job_image_parts, part="from 0")

job_inputs = Table(
    "job_inputs",
    metadata,
    Column("job_id", RowId, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("size_bytes", BigInteger, Computed("length(content)", persisted=True)),
    Column("content", Text, nullable=False),
)
"""JSON: what a job's payload holds of images (``init_images``, ``mask``, those of scripts), by the path in the payload;
kept apart from it because of its size."""

explain(job_inputs, size_bytes="the database computes it", content="empty once it was deleted to save room")

job_previews = Table(
    "job_previews",
    metadata,
    Column("job_id", RowId, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("content_type", String(40), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("at", Double, nullable=False),
)
"""The last preview of a running job."""

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

job_changes = Table(
    "job_changes",
    metadata,
    Column("server_id", String(100), nullable=False),
    Column("model_id", RowId, nullable=False),
    Column("not_before", Double, nullable=False),
    Column("mark", BigInteger, nullable=False),
    Column("fresh", Boolean, nullable=False),
    PrimaryKeyConstraint("server_id", "model_id"),
)
"""Models that came to a server or went from it and that waiting jobs need: what it can do is looked at anew."""

explain(
    job_changes,
    not_before="a model that the agent did not find is not believed to be there before this time",
    mark="random, another one with every change: who has looked sees whether it changed meanwhile",
    fresh="it was not looked at yet",
)

job_takers = Table(
    "job_takers",
    metadata,
    Column("server_id", String(100), ForeignKey("servers.id", ondelete="CASCADE"), primary_key=True),
    Column("asked_at", Double, nullable=False),
    Column("waits_until", Double, nullable=False),
    Column("claim", String(32), nullable=False, default=""),
    Column("loaded", String(64)),
    Column("runtime", String(20)),
    Column("seconds_per_unit", Double),
    Column("measured", Integer, nullable=False, default=0),
)
"""Servers that ask for jobs. A unit of work is a megapixel and a step; measured over what a server completed."""

explain(
    job_takers,
    asked_at="when it asked for a job last",
    waits_until="so long it waits for one; in the past: it does not",
    claim="its last request for a job; an older one is given none",
    loaded="SHA-256 of the checkpoint that is loaded",
    seconds_per_unit="decaying mean",
    measured="over how many jobs",
)

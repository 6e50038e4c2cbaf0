"""Jobs, what they need, who may run them, and what came of them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables."""
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "job_needs",
        sa.Column("id", row_id, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("target_server_id", sa.String(length=100), nullable=True),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", row_id, nullable=True),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("head_rank", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "job_submitters",
        sa.Column("submitter", sa.String(length=80), nullable=False),
        sa.Column("last_tag", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("submitter"),
    )
    turns = op.create_table(
        "job_turns",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("now", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "job_changes",
        sa.Column("server_id", sa.String(length=100), nullable=False),
        sa.Column("model_id", row_id, nullable=False),
        sa.Column("not_before", sa.Double(), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("server_id", "model_id"),
    )
    op.create_table(
        "job_need_models",
        sa.Column("need_id", row_id, nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("model_id", row_id, nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["need_id"], ["job_needs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("need_id", "slot", "model_id"),
    )
    op.create_index("job_need_models_model_id", "job_need_models", ["model_id"], unique=False)
    op.create_table(
        "job_need_servers",
        sa.Column("need_id", row_id, nullable=False),
        sa.Column("server_id", sa.String(length=100), nullable=False),
        sa.Column("head_rank", sa.Double(), nullable=False),
        sa.Column("checkpoint_id", row_id, nullable=True),
        sa.Column("since", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["need_id"], ["job_needs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("need_id", "server_id"),
    )
    op.create_index(
        "job_need_servers_loaded",
        "job_need_servers",
        ["server_id", "checkpoint_id", "head_rank", "need_id"],
        unique=False,
    )
    op.create_index("job_need_servers_head", "job_need_servers", ["server_id", "head_rank", "need_id"], unique=False)
    op.create_table(
        "job_takers",
        sa.Column("server_id", sa.String(length=100), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("waits_until", sa.Double(), nullable=False),
        sa.Column("claim", sa.String(length=32), nullable=False),
        sa.Column("loaded", sa.String(length=64), nullable=True),
        sa.Column("runtime", sa.String(length=20), nullable=True),
        sa.Column("seconds_per_unit", sa.Double(), nullable=True),
        sa.Column("measured", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["server_id"], ["servers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("server_id"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", row_id, autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("need_id", row_id, nullable=True),
        sa.Column("target_server_id", sa.String(length=100), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("tag", sa.Double(), nullable=False),
        sa.Column("rank", sa.Double(), nullable=False),
        sa.Column("submitter", sa.String(length=80), nullable=False),
        sa.Column("submitted_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("bulk_id", sa.String(length=36), nullable=True),
        sa.Column("mode", sa.String(length=12), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("queued_at", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("server_id", sa.String(length=100), nullable=True),
        sa.Column("lease", sa.String(length=40), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("avoid_until", sa.Double(), nullable=True),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("progress_details", sa.Text(), nullable=True),
        sa.Column("error_code", sa.String(length=60), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index(
        "jobs_leases",
        "jobs",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state = 'processing'"),
        postgresql_where=sa.text("state = 'processing'"),
    )
    op.create_index(
        "jobs_finished_at",
        "jobs",
        ["finished_at", "id"],
        unique=False,
        sqlite_where=sa.text("finished_at IS NOT NULL"),
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )
    op.create_index("jobs_server_id", "jobs", ["server_id", "state", "id"], unique=False)
    op.create_index("jobs_state", "jobs", ["state", "id", "title"], unique=False)
    op.create_index("jobs_submitter", "jobs", ["submitter", "state", "id"], unique=False)
    op.create_index(
        "jobs_target_server_id",
        "jobs",
        ["target_server_id", "state", "id"],
        unique=False,
        sqlite_where=sa.text("target_server_id IS NOT NULL"),
        postgresql_where=sa.text("target_server_id IS NOT NULL"),
    )
    op.create_index(
        "jobs_bulk_id",
        "jobs",
        ["bulk_id", "state", "id"],
        unique=False,
        sqlite_where=sa.text("bulk_id IS NOT NULL"),
        postgresql_where=sa.text("bulk_id IS NOT NULL"),
    )
    op.create_index(
        "jobs_turn",
        "jobs",
        ["state", "rank"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "jobs_waiting",
        "jobs",
        ["need_id", "rank", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "job_attempts",
        sa.Column("job_id", row_id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("server_id", sa.String(length=100), nullable=False),
        sa.Column("claimed_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("had", sa.Text(), nullable=False),
        sa.Column("lease", sa.String(length=40), nullable=False),
        sa.Column("heard_at", sa.Double(), nullable=True),
        sa.Column("avoid_until", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "number"),
    )
    op.create_index("job_attempts_server_id", "job_attempts", ["server_id", "claimed_at"], unique=False)
    op.create_table(
        "job_images",
        sa.Column("job_id", row_id, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("content_type", sa.String(length=40), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("infotext", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("deleted_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "n"),
    )
    op.create_index(
        "job_images_kept",
        "job_images",
        ["created_at", "job_id", "n", "size_bytes"],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "job_image_parts",
        sa.Column("job_id", row_id, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["job_id", "n"], ["job_images.job_id", "job_images.n"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "n", "part"),
    )
    op.create_table(
        "job_inputs",
        sa.Column("job_id", row_id, nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), sa.Computed("length(content)", persisted=True), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id"),
    )
    op.create_table(
        "job_previews",
        sa.Column("job_id", row_id, nullable=False),
        sa.Column("content_type", sa.String(length=40), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id"),
    )
    op.create_table(
        "job_requirements",
        sa.Column("job_id", row_id, nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=True),
        sa.Column("resolution", sa.String(length=12), nullable=False),
        sa.Column("models", sa.Text(), nullable=False),
        sa.Column("model_id", row_id, nullable=True),
        sa.Column("candidates", sa.Text(), nullable=False),
        sa.Column("civitai_version_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "slot"),
    )
    op.create_index(
        "job_requirements_unresolved",
        "job_requirements",
        ["job_id"],
        unique=False,
        sqlite_where=sa.text("resolution <> 'resolved'"),
        postgresql_where=sa.text("resolution <> 'resolved'"),
    )
    op.create_index("job_requirements_model_id", "job_requirements", ["model_id", "job_id"], unique=False)
    op.create_index("job_requirements_hash", "job_requirements", ["hash", "job_id"], unique=False)
    for column in ("civitai_version_id", "enriched_civitai_version_id"):
        with_version = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"models_{column}",
            "models",
            [column],
            unique=False,
            sqlite_where=with_version,
            postgresql_where=with_version,
        )
    op.bulk_insert(turns, [{"id": 1, "now": 0.0}])

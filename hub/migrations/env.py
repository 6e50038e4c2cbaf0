"""Alembic runs this for every command: it hands the migrations the connection that ``migrating`` opened."""

from alembic import context
from quartermaster.hub.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
)
# The transaction is the caller's: all migrations and their version number become visible at once, or none.
context.run_migrations()

"""The database's migrations, run by ``migrating``."""

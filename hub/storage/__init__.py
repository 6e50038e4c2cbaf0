"""The database as a thing to keep: its backups, and what its tables mean."""

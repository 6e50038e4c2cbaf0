"""The inventory of one machine. Knows no web UI, so that it also runs headless."""

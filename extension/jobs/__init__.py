"""Runs the hub's jobs beside a web UI: claims what this server has the models for, and reports what came of it."""

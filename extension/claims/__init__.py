"""Hashes that a web UI or another tool has computed already: claims, which make a library visible before it is read."""

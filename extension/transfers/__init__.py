"""Brings files to this server and hands its own out: never half a file, never the wrong one."""

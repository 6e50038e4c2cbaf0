"""Transfers: what file is to go to which server, where it can be had, who brings it, and what came of it."""

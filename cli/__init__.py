"""The console script: parses, calls a room, prints."""

"""The agent that lives beside the models: finds, hashes, watches, syncs, shows."""

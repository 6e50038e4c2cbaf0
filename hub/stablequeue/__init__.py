"""What StableQueue's users bring along: their database and the shapes that their clients speak."""

"""Facts about base models in data files, pure evaluation over them, identification from file headers."""

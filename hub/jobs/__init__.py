"""Jobs: what is asked for, which models it needs, which server may run it, and what came of it."""

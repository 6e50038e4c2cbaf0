from quartermaster.tests.convergence.conftest import seed_of_run
from quartermaster.tests.hub.conftest import postgres, postgres_programs, postgres_schemas

__all__ = ["postgres", "postgres_programs", "postgres_schemas", "seed_of_run"]

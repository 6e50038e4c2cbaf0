"""Why a job that was claimed is not run here: it is handed back, or it has failed."""


class JobError(Exception):
    """The root: ``code`` is for programs, the message for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class HandedBackError(JobError):
    """This server cannot run the job now, another may; ``missing`` are hashes that it turned out not to have."""

    def __init__(self, code: str, message: str, missing: tuple[str, ...] = ()) -> None:
        super().__init__(code, message)
        self.missing = missing


class JobFailedError(JobError):
    """The job cannot be done, here or elsewhere."""


class LeaseLostError(JobError):
    """The job is not this server's any more."""

    def __init__(self) -> None:
        super().__init__("lease_lost", "the job is not this server's any more")


class AbandonedError(JobError):
    """The web UI died or hung in the middle of the run.

    The hub is told nothing: the lease runs out, or the next claim shows that the job is not run any more. So it counts
    as an attempt, and a job that kills every web UI ends.
    """

    def __init__(self, message: str) -> None:
        super().__init__("abandoned", message)

"""One generation at a time."""

from modules import progress, shared
from modules.fifo_lock import FIFOLock

queue_lock = FIFOLock()


def wrap_gradio_gpu_call(func):
    def wrapped(*args):
        task = args[0] if args and isinstance(args[0], str) and args[0].startswith("task(") else None
        if task:
            progress.add_task_to_queue(task)
        with queue_lock:
            shared.state.begin(job=task)
            progress.start_task(task)
            try:
                return func(*args)
            finally:
                progress.finish_task(task)
                shared.state.end()

    return wrapped

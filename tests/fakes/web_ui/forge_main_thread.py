"""Forge's main thread: whatever generates is run here, one after the other."""

import threading
import time
import traceback

lock = threading.Lock()
last_id = 0
waiting_list = []
finished_list = []


class Task:
    def __init__(self, task_id, func, args, kwargs):
        self.task_id, self.func, self.args, self.kwargs, self.result = task_id, func, args, kwargs, None

    def work(self):
        try:
            self.result = self.func(*self.args, **self.kwargs)
        except Exception:
            traceback.print_exc()


def loop():
    while True:
        time.sleep(0.01)
        with lock:
            task = waiting_list.pop(0) if waiting_list else None
        if task is not None:
            task.work()
            with lock:
                finished_list.append(task)


def run_and_wait_result(func, *args, **kwargs):
    global last_id
    with lock:
        last_id += 1
        task = Task(last_id, func, args, kwargs)
        waiting_list.append(task)
    while True:
        time.sleep(0.01)
        with lock:
            if task in finished_list:
                finished_list.remove(task)
                return task.result

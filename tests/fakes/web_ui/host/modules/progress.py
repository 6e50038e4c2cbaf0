"""Which task is running, which wait, which are done."""

import random
import string
import time
from collections import OrderedDict

current_task = None
pending_tasks = OrderedDict()
finished_tasks = []


def create_task_id(kind):
    return f"task({kind}-{''.join(random.choices(string.ascii_uppercase, k=7))})"


def add_task_to_queue(task):
    pending_tasks[task] = time.time()


def start_task(task):
    global current_task
    current_task = task
    pending_tasks.pop(task, None)


def finish_task(task):
    global current_task
    if current_task == task:
        current_task = None
    finished_tasks.append(task)
    del finished_tasks[:-16]

"""How the hosts report what an extension does wrong: on stderr, and then they go on."""

import sys
import traceback


def report(message: str, *, exc_info: bool = False) -> None:
    for line in message.splitlines():
        print("***", line, file=sys.stderr)
    if exc_info:
        traceback.print_exc()


def display(error: Exception, task: str) -> None:
    print(f"{task or 'error'}: {type(error).__name__}", file=sys.stderr)
    traceback.print_exception(error)

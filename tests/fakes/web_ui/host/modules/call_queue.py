import threading

queue_lock = threading.RLock()

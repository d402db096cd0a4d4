"""Runs a command while no other process runs one with the same lock file.

    python alone.py LOCK COMMAND...

The system gives the lock up with the last process of the command, however that ends,
so a lock is never stale and the file may stay.
"""

import contextlib
import fcntl
import os
import sys


def lock(path: str) -> int:
    """Waits until the lock is free and takes it; says whom it waits for."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(descriptor, 32).decode()
        print(f"Waiting for another set-up, process {owner}.", flush=True)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        # Some network disks have no locks.
        print(f"Not protected from another set-up here: {error.strerror}.", flush=True)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def main() -> None:
    """Becomes the command, which inherits the lock."""
    path, *command = sys.argv[1:]
    try:
        descriptor = lock(path)
    except OSError as error:
        sys.exit(f"Cannot write {path}: {error.strerror}.")
    with contextlib.suppress(KeyboardInterrupt):
        os.set_inheritable(descriptor, True)
        os.execvp(command[0], command)


if __name__ == "__main__":
    main()

"""What is looked at before anything starts: that nobody else runs on this data folder, and that the port is free."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nurture.errors import NurtureError


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; raises NurtureError while another process does. The kernel lets go of it with the process."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise NurtureError(
                f"The engine runs already on the data folder {folder} (process {holder}). "
                "Stop it first, or choose another folder with --data-dir"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def require_free_port(host: str, port: int) -> None:
    """Raise NurtureError if a server cannot listen there."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        raise NurtureError(
            f"Cannot listen on {host} port {port}: {error.strerror}. Choose another with --port (or NURTURE_PORT) and --host"
        ) from None

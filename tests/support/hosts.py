"""Hosts with a network and a name of their own, all on this machine and joined by a switch (namespaces(7), veth(4); needs root).

Nothing of the machine's own network is touched, and nothing leaves it: the addresses are of a network for documentation (RFC 5737).
The kernel takes a host away when the last process in it has ended and nobody holds it any more, however that came about.
"""

import ctypes
import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

_KINDS: Final = {"net": 0x40000000, "uts": 0x04000000}  # CLONE_NEWNET, CLONE_NEWUTS of sched.h
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class Host:
    """A host that nothing is plugged into yet. What a thread starts or opens while it has entered a host is on that host."""

    def __init__(self, name: str) -> None:
        self.name = name
        with ThreadPoolExecutor(1) as pool:  # a thread of its own moves out, and leaves ours where it is
            self._spaces = pool.submit(self._move_out).result()
        with self.entered():
            ip("link", "set", "lo", "up")

    def _move_out(self) -> list[int]:
        _call("unshare", sum(_KINDS.values()))
        socket.sethostname(self.name)
        return _own_spaces()

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be on this host while the context lasts: this thread, and the processes and threads that it starts."""
        before = _own_spaces()
        _enter(self._spaces)
        try:
            yield
        finally:
            _enter(before)
            _close(before)

    @property
    def network(self) -> str:
        """Where `ip` finds its network."""
        return f"/proc/{os.getpid()}/fd/{self._spaces[0]}"

    def close(self) -> None:
        """Hold it no more."""
        _close(self._spaces)


class Network:
    """A host of servers, whose address is `address`, with a switch that other hosts are plugged into."""

    address: Final = "192.0.2.1"

    def __init__(self, *names: str) -> None:
        self.servers = Host("servers")
        self.hosts = {name: Host(name) for name in names}

    def __enter__(self) -> Self:
        with self.servers.entered():
            ip("link", "add", "switch", "type", "bridge")
            ip("address", "add", f"{self.address}/24", "dev", "switch")
            ip("link", "set", "switch", "up")
            for host in self.hosts.values():
                ip("link", "add", host.name, "type", "veth", "peer", "name", "uplink", "netns", host.network)
                ip("link", "set", host.name, "master", "switch", "up")
        for number, host in enumerate(self.hosts.values(), start=2):
            with host.entered():
                ip("address", "add", f"192.0.2.{number}/24", "dev", "uplink")
                ip("link", "set", "uplink", "up")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for host in (self.servers, *self.hosts.values()):
            host.close()

    def address_of(self, name: str) -> str:
        return f"192.0.2.{list(self.hosts).index(name) + 2}"

    def cut(self, name: str) -> None:
        """Pull the plug of a host: neither side is told, and every connection stays open."""
        self._set(name, "down")

    def mend(self, name: str) -> None:
        self._set(name, "up")

    def _set(self, name: str, state: str) -> None:
        with self.servers.entered():
            ip("link", "set", name, state)


def ip(*words: str) -> None:
    """Run iproute2 on the host that this thread is on; raises CalledProcessError."""
    subprocess.run(["ip", *words], check=True)


def _own_spaces() -> list[int]:
    return [os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in _KINDS]


def _enter(spaces: Sequence[int]) -> None:
    for space, kind in zip(spaces, _KINDS.values(), strict=True):
        _call("setns", space, kind)


def _close(spaces: Sequence[int]) -> None:
    for space in spaces:
        os.close(space)


def _call(name: str, *arguments: int) -> None:
    """A call of the system that Python 3.11 does not know yet; raises OSError."""
    if getattr(_LIBC, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")

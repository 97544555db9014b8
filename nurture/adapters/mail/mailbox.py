"""The development mailbox: a mail server on the loopback interface that keeps every mail as a file.

`<folder>/<UTC time of arrival>-<short id>.eml`, whole from the first moment it is seen. A mail is acknowledged when its file is
safe on the disk.
"""

import asyncio
import ipaddress
import os
import secrets
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from aiosmtpd.smtp import SMTP, Envelope, Session

from nurture.errors import SettingsError, Unavailable

_LARGEST: Final = 32 * 1024 * 1024

T = TypeVar("T")


def run_mailbox(host: str, port: int, folder: Path) -> None:
    """Serve until SIGTERM or SIGINT; raises SettingsError for a host that others can reach, Unavailable for a port in use."""

    async def serve() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        await _serve(host, port, folder, stopping, lambda _port: None)

    asyncio.run(serve())


def start_mailbox(host: str, port: int, folder: Path) -> "Mailbox":
    """The same in a thread of this process; port 0 takes a free one. Use it as a context manager, or call `stop`."""
    return Mailbox(host, port, folder)


class Mailbox:
    """A mailbox that runs in a thread; `port` is where it listens."""

    def __init__(self, host: str, port: int, folder: Path) -> None:
        self._ready = threading.Event()
        self._failure: Exception | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self.port = port
        self._thread = threading.Thread(target=self._run, args=(host, port, folder), name="mailbox", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Close every connection and wait until the mailbox is gone; more than once does no harm."""
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _run(self, host: str, port: int, folder: Path) -> None:
        async def serve() -> None:
            self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
            await _serve(host, port, folder, self._stopping, self._listening)

        try:
            asyncio.run(serve())
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits in the constructor
            self._failure = error
        finally:
            self._ready.set()

    def _listening(self, port: int) -> None:
        self.port = port
        self._ready.set()


async def _serve(host: str, port: int, folder: Path, stopping: asyncio.Event, listening: Callable[[int], None]) -> None:
    _must_be_loopback(host)
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    loop = asyncio.get_running_loop()
    keeper = _Keeper(folder)
    sessions = _UnderWay[_Session]()

    def session() -> _Session:
        return _Session(
            sessions, keeper, loop=loop, hostname="localhost", ident="mailbox", data_size_limit=_LARGEST, enable_SMTPUTF8=True
        )  # fmt: skip

    try:
        server = await loop.create_server(session, host, port)
    except OSError as error:
        raise Unavailable(f"the mailbox cannot listen on {host}:{port}: {error.strerror}") from None
    listening(server.sockets[0].getsockname()[1])
    await stopping.wait()
    server.close()
    await keeper.writing.none.wait()
    for open_session in sessions.those():
        open_session.hang_up()
    await sessions.none.wait()


class _UnderWay(Generic[T]):
    """What is going on just now; `none` is set whenever nothing is."""

    def __init__(self) -> None:
        self._those: set[T] = set()
        self.none = asyncio.Event()
        self.none.set()

    def those(self) -> list[T]:
        return list(self._those)

    def begin(self, what: T) -> None:
        self._those.add(what)
        self.none.clear()

    def end(self, what: T) -> None:
        self._those.discard(what)
        if not self._those:
            self.none.set()


def _must_be_loopback(host: str) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise SettingsError("the development mailbox takes mail from this machine only; its host is 127.0.0.1, ::1 or localhost")


class _Session(SMTP):
    """One client, known to the server for as long as it is connected."""

    def __init__(self, sessions: "_UnderWay[_Session]", keeper: "_Keeper", **options: Any) -> None:
        super().__init__(keeper, **options)
        self._sessions = sessions

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._sessions.begin(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._sessions.end(self)

    def hang_up(self) -> None:
        if self.transport is not None:
            self.transport.close()


class _Keeper:
    """Writes mails to files, and answers when they are safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.writing = _UnderWay[Envelope]()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        mail = envelope.content
        if not isinstance(mail, bytes):
            return "451 4.3.0 the mailbox was given no bytes"
        self.writing.begin(envelope)
        try:
            await asyncio.to_thread(keep, self._folder, mail, datetime.now(UTC))
        except OSError as error:
            return f"451 4.3.0 the mailbox cannot write: {error.strerror}"
        finally:
            self.writing.end(envelope)
        return "250 2.0.0 kept"


def keep(folder: Path, mail: bytes, arrived: datetime) -> None:
    """Write a mail to its file, so that it is there whole or not at all, also after a power cut."""
    name = f"{arrived:%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}"
    unfinished = folder / f".{name}.tmp"
    try:
        with unfinished.open("xb") as file:
            file.write(mail)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / f"{name}.eml")
    finally:
        unfinished.unlink(missing_ok=True)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)

"""A small, real IMAP server (RFC 3501; MOVE of RFC 6851, UIDPLUS of RFC 4315), in memory, that can be told to misbehave."""

import asyncio
import re
import ssl
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import TracebackType
from typing import Self

USER, PASSWORD = "bounces@example.com", "pass word"


@dataclass
class Kept:
    """One mail in a folder."""

    uid: int
    raw: bytes
    flags: set[str]
    arrived: date


@dataclass
class ImapServer:
    """The server, in a thread of its own.

    `capabilities` beside IMAP4rev1; `keywords` whether it keeps flags that clients invent; `tls` is used from
    the first byte, or after STARTTLS if that is among the capabilities; `below_inbox` whether every other
    folder must lie below INBOX, with dots between, as Courier wants it.
    """

    capabilities: Collection[str] = ("MOVE", "UIDPLUS")
    keywords: bool = True
    below_inbox: bool = False
    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    folders: dict[str, list[Kept]] = field(default_factory=lambda: {"INBOX": []})
    commands: list[str] = field(default_factory=list)
    _cut_at: str | None = None
    _uid: int = 0

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        listening = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(listening,), name="imap-server", daemon=True)
        self._thread.start()
        if not listening.wait(10):
            raise AssertionError("the IMAP server did not come up")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)
        self._loop.close()

    @property
    def url(self) -> str:
        scheme = "imap" if self.tls is None or self._by_starttls else "imaps"
        return f"{scheme}://bounces%40example.com:pass%20word@{self.host}:{self.port}/INBOX"

    @property
    def _by_starttls(self) -> bool:
        return "STARTTLS" in self.capabilities

    @property
    def between(self) -> str:
        return "." if self.below_inbox else "/"

    def put(self, *mails: bytes, arrived: datetime = datetime(2026, 3, 2, tzinfo=UTC), flags: Collection[str] = ()) -> None:
        """Deliver mails to the inbox."""
        for raw in mails:
            self._uid += 1
            self.folders["INBOX"].append(Kept(self._uid, raw, set(flags), arrived.date()))

    def cut_at(self, command: str | None) -> None:
        """Cut the connection, without an answer, at every command that begins so."""
        self._cut_at = command

    def mails(self, folder: str = "INBOX") -> list[bytes]:
        return [each.raw for each in self.folders.get(folder, [])]

    def _serve(self, listening: threading.Event) -> None:
        async def serve() -> None:
            self._stopping = asyncio.Event()
            server = await asyncio.start_server(self._session, self.host, 0, ssl=None if self._by_starttls else self.tls)
            self.port = int(server.sockets[0].getsockname()[1])
            listening.set()
            await self._stopping.wait()
            server.close()
            for writer in self._writers:
                writer.transport.abort()
            await asyncio.sleep(0)

        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(serve())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        session = _Session(self)
        writer.write(b"* OK here I am\r\n")
        try:
            while line := await reader.readline():
                tag, _, rest = line.decode().strip().partition(" ")
                self.commands.append(rest.partition(" ")[0] if not rest.startswith("UID") else " ".join(rest.split()[:2]))
                if self._cut_at is not None and rest.startswith(self._cut_at):
                    break
                for answer in session.answer(rest):
                    writer.write(answer + b"\r\n")
                if rest == "STARTTLS" and self.tls is not None:
                    writer.write(f"{tag} OK go on\r\n".encode())
                    await writer.start_tls(self.tls)
                    continue
                writer.write(f"{tag} {session.status} done\r\n".encode())  # imaplib wants a word after the status
                await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()


class _Session:
    """One connection: the answers to its commands."""

    def __init__(self, server: ImapServer) -> None:
        self._server = server
        self._in = "INBOX"
        self.status = "OK"

    def answer(self, line: str) -> Iterator[bytes]:
        self.status = "OK"
        verb, *words = _words(line)
        handler = getattr(self, f"_{verb.lower()}", None)
        if handler is None:
            self.status = "BAD"
            return
        yield from handler(*words)

    def _capability(self) -> Iterator[bytes]:
        yield ("* CAPABILITY " + " ".join(["IMAP4rev1", *self._server.capabilities])).encode()

    def _starttls(self) -> Iterator[bytes]:
        self.status = "OK" if self._server.tls else "BAD"
        yield from ()

    def _noop(self) -> Iterator[bytes]:
        yield from ()

    def _login(self, user: str, password: str) -> Iterator[bytes]:
        self.status = "OK" if (user, password) == (USER, PASSWORD) else "NO"
        yield from ()

    def _logout(self) -> Iterator[bytes]:
        yield b"* BYE"

    def _select(self, folder: str) -> Iterator[bytes]:
        if folder not in self._server.folders:
            self.status = "NO"
            return
        self._in = folder
        yield rb"* FLAGS (\Seen \Answered \Flagged \Deleted \Draft)"
        kept = rb"\Seen \Answered \Flagged \Deleted \Draft" + (rb" \*" if self._server.keywords else b"")
        yield b"* OK [PERMANENTFLAGS (" + kept + b")] these stay"
        yield f"* {len(self._server.folders[folder])} EXISTS".encode()
        yield b"* OK [UIDVALIDITY 7] valid"

    def _list(self, _below: str, pattern: str) -> Iterator[bytes]:
        seek = re.compile(re.escape(pattern).replace(r"\*", ".*"))
        for name in self._server.folders:
            if seek.fullmatch(name):
                yield rf'* LIST (\HasNoChildren) "{self._server.between}" "{name}"'.encode()

    def _create(self, folder: str) -> Iterator[bytes]:
        if folder in self._server.folders or (self._server.below_inbox and not folder.startswith("INBOX.")):
            self.status = "NO"
        else:
            self._server.folders[folder] = []
        yield from ()

    def _uid(self, verb: str, *words: str) -> Iterator[bytes]:
        yield from getattr(self, f"_uid_{verb.lower()}")(*words)

    def _uid_search(self, *criteria: str) -> Iterator[bytes]:
        found = self._server.folders[self._in]
        words = iter(criteria)
        for word in words:
            if word == "UNDELETED":
                found = [each for each in found if r"\Deleted" not in each.flags]
            elif word == "SINCE":
                since = datetime.strptime(next(words), "%d-%b-%Y").replace(tzinfo=UTC).date()
                found = [each for each in found if each.arrived >= since]
            elif word == "UNKEYWORD":
                keyword = next(words)
                found = [each for each in found if keyword not in each.flags]
            else:
                self.status = "BAD"
        yield ("* SEARCH " + " ".join(str(each.uid) for each in found)).encode()

    def _uid_fetch(self, uids: str, what: str) -> Iterator[bytes]:
        begin = re.fullmatch(r"\(BODY\.PEEK\[\]<0\.(\d+)>\)", what)
        assert begin is not None, f"the server does not know how to fetch {what}"
        for number, each in self._named(uids):
            raw = each.raw[: int(begin[1])]
            yield f"* {number} FETCH (UID {each.uid} BODY[]<0> {{{len(raw)}}}".encode()
            yield raw + b")"

    def _uid_store(self, uids: str, how: str, flags: str) -> Iterator[bytes]:
        assert how == "+FLAGS.SILENT"
        for _, each in self._named(uids):
            wanted = set(flags.strip("()").split())
            each.flags |= wanted if self._server.keywords else {flag for flag in wanted if flag.startswith("\\")}
        yield from ()

    def _uid_copy(self, uids: str, folder: str) -> Iterator[bytes]:
        if folder not in self._server.folders:
            self.status = "NO"
            return
        for _, each in self._named(uids):
            self._server.folders[folder].append(
                Kept(len(self._server.folders[folder]) + 1, each.raw, set(each.flags), each.arrived)
            )
        yield from ()

    def _uid_move(self, uids: str, folder: str) -> Iterator[bytes]:
        yield from self._uid_copy(uids, folder)
        if self.status == "OK":
            self._remove(uids)

    def _uid_expunge(self, uids: str) -> Iterator[bytes]:
        self._remove(uids)
        yield from ()

    def _remove(self, uids: str) -> None:
        gone = {each.uid for _, each in self._named(uids)}
        self._server.folders[self._in] = [each for each in self._server.folders[self._in] if each.uid not in gone]

    def _named(self, uids: str) -> list[tuple[int, Kept]]:
        wanted = {int(each) for each in uids.split(",")}
        return [(number, each) for number, each in enumerate(self._server.folders[self._in], 1) if each.uid in wanted]


def _words(line: str) -> list[str]:
    """A command's words: atoms, quoted strings, lists in brackets."""
    return [quoted if atom == "" else atom for quoted, atom in re.findall(r'"([^"]*)"|(\([^)]*\)+|[^\s"]+)', line)]

"""A mailbox on an IMAP server (RFC 3501) that bounces and replies come to.

It may be a person's own: mails are looked at without being marked as seen, nothing is ever expunged that was not moved from
here, and whatever is for a person stays where it lies, with a keyword by which it is not looked at again.
"""

import ssl
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from imaplib import IMAP4
from typing import Final
from urllib.parse import unquote, urlsplit

from imap_tools import BaseMailBox, ImapToolsError, MailBox, MailBoxUnencrypted

from nurture.adapters.mail.incoming.parts import LARGEST
from nurture.errors import SettingsError, Unavailable
from nurture.ports import Arrived, Place

#: Seconds that the server may take for anything.
PATIENCE: Final = 10.0

#: Marks what was looked at and stays. Clients show unknown keywords to nobody.
KEYWORD: Final = "NurtureLookedAt"

_FOLDERS: Final[dict[Place, str]] = {"read": "Read", "unread": "Unread"}
_PARENT: Final = "Nurture"

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class ImapMailbox:
    """Fulfils `ports.ReturnedMail` on one folder of an account; use `opened`.

    `passed` remembers what stays, for servers that keep no keywords of others.
    """

    def __init__(self, box: BaseMailBox, folder: str, passed: set[tuple[bytes, str]]) -> None:
        self._box = box
        self._client = box.client
        box.folder.set(folder)
        self._validity = _told(self._client, "UIDVALIDITY")
        self._keeps_keywords = rb"\*" in _told(self._client, "PERMANENTFLAGS")
        self._passed = passed
        _, capabilities = self._client.capability()
        self._can = set(b" ".join(each for each in capabilities if each).upper().split())
        self._made: dict[Place, str] = {}

    def new(self, limit: int, since: datetime) -> Sequence[Arrived]:
        """Up to `limit` mails that were not looked at, oldest first; of a long one only how it begins."""
        day = since - timedelta(days=1)  # the server goes by days of its own zone
        wanted = f"UNDELETED SINCE {_day(day)}" + (f" UNKEYWORD {KEYWORD}" if self._keeps_keywords else "")
        with _as_unavailable():
            uids = self._box.uids(wanted, charset=None)
            fresh = [uid for uid in uids if (self._validity, uid) not in self._passed]
            return [Arrived(uid, raw) for uid in fresh[:limit] if (raw := self._begin_of(uid)) is not None]

    def put(self, place: Place, ids: Collection[str]) -> None:
        """Move mails to the folder of their kind, or mark them where they lie. What has gone meanwhile is no error."""
        with _as_unavailable():
            if place == "here":
                self._mark(ids)
            else:
                self._move(ids, self._folder(place))

    def _begin_of(self, uid: str) -> bytes | None:
        _, answer = self._command("FETCH", uid, f"(BODY.PEEK[]<0.{LARGEST}>)")
        return next((each[1] for each in answer if isinstance(each, tuple)), None)

    def _mark(self, ids: Collection[str]) -> None:
        if self._keeps_keywords:
            self._command("STORE", ",".join(ids), "+FLAGS.SILENT", f"({KEYWORD})")
        else:
            self._passed.update((self._validity, uid) for uid in ids)

    def _move(self, ids: Collection[str], folder: str) -> None:
        """MOVE (RFC 6851) where there is one. Otherwise a copy, and only what was copied is expunged (RFC 4315), or nothing."""
        uids, quoted = ",".join(ids), f'"{folder}"'
        if b"MOVE" in self._can:
            self._command("MOVE", uids, quoted)
            return
        self._command("COPY", uids, quoted)
        self._command("STORE", uids, "+FLAGS.SILENT", r"(\Deleted)")
        if b"UIDPLUS" in self._can:
            self._command("EXPUNGE", uids)

    def _folder(self, place: Place) -> str:
        """The name of a folder of ours, which is there afterwards: below INBOX where the server wants it so."""
        if place not in self._made:
            inbox = next((each for each in self._box.folder.list("", "INBOX")), None)
            between = inbox.delim if inbox is not None and len(inbox.delim) == 1 else "/"
            name = between.join([_PARENT, _FOLDERS[place]])
            names = [name, between.join(["INBOX", name])]
            there = {each.name for each in self._box.folder.list("", f"*{_PARENT}*")}
            self._made[place] = next((each for each in names if each in there), None) or self._create(names)
        return self._made[place]

    def _create(self, names: Sequence[str]) -> str:
        *before, last = names
        for name in before:
            try:
                self._box.folder.create(name)
            except ImapToolsError:  # many servers keep all folders below INBOX
                continue
            return name
        self._box.folder.create(last)
        return last

    def _command(self, command: str, *arguments: str) -> tuple[str, list[bytes | tuple[bytes, bytes] | None]]:
        status, answer = self._client.uid(command, *arguments)
        if status != "OK":
            raise Unavailable(f"the IMAP server refuses {command}; see what the account may do")
        return status, answer


class ImapAccount:
    """An account by its URL, `imaps://user:password@host/FOLDER`; raises SettingsError if the URL names none.

    `imap://` turns to TLS by STARTTLS before it logs in, except on this machine.
    """

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        parts = urlsplit(url)
        self._patience = patience
        if not (parts.hostname and parts.username):
            raise SettingsError("NURTURE_IMAP_URL names no account; write imaps://user:password@host/INBOX")
        self._secure = parts.scheme == "imaps"
        self._host, self._port = parts.hostname, parts.port
        self._user, self._password = unquote(parts.username), unquote(parts.password or "")
        self._folder = unquote(parts.path.strip("/")) or "INBOX"
        self._passed: set[tuple[bytes, str]] = set()

    @contextmanager
    def opened(self) -> Iterator[ImapMailbox]:
        """The mailbox for as long as it is open. Raises Unavailable when it cannot be, or does not answer."""
        with _as_unavailable():
            box = self._connect()
            try:
                if not self._secure and self._host not in _LOOPBACK:
                    box.client.starttls(ssl.create_default_context())
                box.login(self._user, self._password, None)
                mailbox = ImapMailbox(box, self._folder, self._passed)
            except BaseException:
                _leave(box)
                raise
        try:
            yield mailbox
        finally:
            _leave(box)

    def _connect(self) -> BaseMailBox:
        if self._secure:
            return MailBox(self._host, self._port or 993, self._patience, ssl_context=ssl.create_default_context())
        return MailBoxUnencrypted(
            self._host, self._port or 143, self._patience
        )  # `opened` sees to STARTTLS, and closes if it fails


def _leave(box: BaseMailBox) -> None:
    """Without a word that could fail: whatever was done is done."""
    box.client.shutdown()


def _told(client: IMAP4, what: str) -> bytes:
    """What the server said of the folder that was opened."""
    _, said = client.response(what)
    return b" ".join(each for each in said if isinstance(each, bytes))


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _day(at: datetime) -> str:
    """As IMAP writes a day, whatever the locale."""
    return f"{at.day}-{_MONTHS[at.month - 1]}-{at.year}"


@contextmanager
def _as_unavailable() -> Iterator[None]:
    """Every way in which the server can fail as Unavailable; its words may hold an address, and are left out."""
    try:
        yield
    except (ImapToolsError, IMAP4.error, OSError, ValueError) as error:
        raise Unavailable(
            f"the IMAP server of NURTURE_IMAP_URL does not do what is asked ({type(error).__name__}); "
            "it is asked again by itself. If this goes on, see to the account, its password and its folder"
        ) from error

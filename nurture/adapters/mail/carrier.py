"""All connections to all mail servers of one worker process: a thread for each, kept from batch to batch."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from threading import Lock, Thread, current_thread
from typing import Final

from nurture.adapters.mail.connection import REPLY_TIMEOUT, SmtpConnection
from nurture.adapters.mail.server import parse_url
from nurture.domain.mail.delivery import Answer, Lost, Missed, Unreached
from nurture.ports import Carried, Clock, Mail

#: A connection that has carried nothing for so long is closed, in seconds; servers have no patience with the silent either.
IDLE: Final = 10.0

#: A server that would not have another connection is asked again after so many seconds.
_ASK_AGAIN: Final = 60.0

#: No mail waits longer on its connection for the instant of its permit, whatever a clock says. Seconds.
_LONGEST_BIDE: Final = 0.2

_DEFAULT: Final = "default"


def setting_of(transport: str) -> str:
    """The environment variable that holds a transport's URL."""
    return "NURTURE_SMTP_URL" if transport == _DEFAULT else f"NURTURE_SMTP_URL_{transport.upper()}"


class SmtpCarrier:
    """Fulfils `ports.Carrier`; `urls` are those of the servers, by the names of their transports.

    To be used by one thread. A connection is opened when there is a mail for it, and is busy until what became of that mail was
    fetched. Nothing waits longer than `timeout` seconds, the last reply of a mail `reply_timeout`. Raises SettingsError for a URL
    that names no server.
    """

    def __init__(
        self, urls: Mapping[str, str], clock: Clock, *, timeout: float = 10.0, reply_timeout: float = REPLY_TIMEOUT,
        idle: float = IDLE,
    ) -> None:  # fmt: skip
        self._clock = clock
        self._finished: SimpleQueue[Carried] = SimpleQueue()
        self._lines: dict[str, _Line] = {}
        for name, url in urls.items():
            setting = setting_of(name)
            server = parse_url(url, setting)
            connection = partial(SmtpConnection, server, setting, timeout, reply_timeout)
            self._lines[name] = _Line(server.connections, connection, self._finish, idle, clock)

    def free(self, transport: str) -> int:
        """How many connections wait for a mail. What goes by a transport that has no URL is answered at once."""
        line = self._lines.get(transport)
        return line.free if line is not None else 1

    def carry(self, mails: Sequence[Mail]) -> None:
        """Give each mail to a free connection; never blocks."""
        for mail in mails:
            line = self._lines.get(mail.transport)
            if line is not None:
                line.carry(mail)
            else:
                self._finish(mail, Unreached(f"there is no mail server {mail.transport!r}; set {setting_of(mail.transport)}"))

    def finished(self, patience: float) -> list[Carried]:
        """What has come to an end, after waiting up to `patience` seconds for the first."""
        carried = []
        try:
            carried.append(self._finished.get(timeout=patience) if patience > 0 else self._finished.get_nowait())
            while True:
                carried.append(self._finished.get_nowait())
        except Empty:
            pass
        for each in carried:
            if each.transport in self._lines:
                self._lines[each.transport].busy -= 1
        return carried

    def close(self) -> None:
        """Say goodbye to all servers; what is on the wire ends first."""
        for line in self._lines.values():
            line.close()

    def _finish(self, mail: Mail, answer: Answer) -> None:
        self._finished.put(Carried(mail.message, mail.transport, mail.domain, self._clock.now(), answer))


class _Line:
    """The connections to one server, a thread for each; no more of them than there were mails at a time.

    Servers bound the connections from one address. Whoever gets none leaves its mail to those that have one, and for a while there
    is one connection less.
    """

    def __init__(
        self, bound: int, connection: Callable[[], SmtpConnection], finish: Callable[[Mail, Answer], None], idle: float,
        clock: Clock,
    ) -> None:  # fmt: skip
        self.busy = 0
        self._bound, self._connection, self._finish, self._idle, self._clock = bound, connection, finish, idle, clock
        self._inbox: SimpleQueue[Mail | None] = SimpleQueue()
        self._crew: dict[Thread, SmtpConnection] = {}
        self._changing_crew = Lock()
        self._refused, self._refused_at = 0, 0.0

    @property
    def free(self) -> int:
        if self._refused and time.monotonic() - self._refused_at > _ASK_AGAIN:
            self._refused = 0
        return max(0, self._bound - self._refused - self.busy)

    def carry(self, mail: Mail) -> None:
        self.busy += 1
        self._inbox.put(mail)
        with self._changing_crew:
            if self.busy > len(self._crew):
                connection = self._connection()
                thread = Thread(target=self._work, args=(connection,), name="smtp", daemon=True)
                self._crew[thread] = connection
                thread.start()

    def close(self) -> None:
        with self._changing_crew:
            crew = list(self._crew)
            self._crew.clear()
        for _ in crew:
            self._inbox.put(None)
        for thread in crew:
            thread.join()

    def _work(self, connection: SmtpConnection) -> None:
        while True:
            try:
                mail = self._inbox.get(timeout=self._idle if connection.is_open else None)
            except Empty:
                connection.close()
                continue
            if mail is None:
                connection.close()
                return
            answer = _carried(connection, mail) if self._bides(mail) else Missed()
            if isinstance(answer, Unreached) and not connection.is_open and self._gives_way(mail):
                return
            self._finish(mail, answer)

    def _bides(self, mail: Mail) -> bool:
        """Wait for the instant from which a mail may leave, which is never far; False if it has become too late for it."""
        early = (mail.at - self._clock.now()).total_seconds() if mail.at is not None else 0.0
        if early > 0:
            time.sleep(min(early, _LONGEST_BIDE))
        return mail.until is None or self._clock.now() <= mail.until

    def _gives_way(self, mail: Mail) -> bool:
        with self._changing_crew:
            if not any(each.is_open for each in self._crew.values()):
                return False
            self._crew.pop(current_thread(), None)
            self._refused, self._refused_at = self._refused + 1, time.monotonic()
            self._inbox.put(mail)
            return True


def _carried(connection: SmtpConnection, mail: Mail) -> Answer:
    try:
        return connection.carry(mail)
    except Exception as error:  # noqa: BLE001 - a mail whose end nobody tells would be waited for for ever
        connection.close()
        return Lost(f"something unforeseen happened to it on the wire: {type(error).__name__}")

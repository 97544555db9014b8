"""The mail server of the run: it counts what it takes, and can be ill in every way that mail servers are."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.faults.account import Letter
from tests.support.smtp import SmtpSink

_SUBJECT = re.compile(rb"^subject:\s*(\S+)", re.IGNORECASE | re.MULTILINE)

#: The steps by the subjects of their letters.
_STEPS = {b"Welcome": "welcome", b"More": "more"}


class CountingSink(SmtpSink):
    """A mail server on a port of its own."""

    def letters(self) -> Counter[Letter]:
        """How often each letter was taken."""
        return Counter((mail.to[0], _step(mail.raw)) for mail in list(self.mails))

    def names(self) -> Counter[str]:
        """How often each Message-ID was seen."""
        return Counter(mail.message_id for mail in list(self.mails))

    def has_letter_for(self, reader: str, since: int) -> bool:
        """Whether a mail to somebody is among those taken after the first `since`."""
        return any(reader in mail.to for mail in self.mails[since:])

    @contextmanager
    def full_house(self) -> Iterator[None]:
        """No session is let in: 421."""
        self.most_sessions = 0
        self.abort_sessions()
        try:
            yield
        finally:
            self.most_sessions = None

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Nothing is answered; afterwards everybody is hung up on."""
        self.holds = True
        try:
            yield
        finally:
            self.holds = False
            self.abort_sessions()

    @contextmanager
    def gone(self) -> Iterator[None]:
        """Nobody listens on the port."""
        self.shut_door()
        try:
            yield
        finally:
            self.open_door()


def _step(raw: bytes) -> str:
    found = _SUBJECT.search(raw)
    return _STEPS.get(found[1] if found else b"", "unknown")

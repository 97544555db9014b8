"""What tests send with."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from nurture.adapters.mail.carrier import SmtpCarrier
from nurture.domain.mail.delivery import Accepted
from nurture.flow.one_way import OneWay
from nurture.flow.send import Mailroom
from nurture.ports import Carried, Clock, Mail, Router, Sending, Writer


@contextmanager
def mailroom(
    store: Sending, writer: Writer, clock: Clock, *, worker: str = "worker", router: Router | None = None, **urls: str
) -> Iterator[Mailroom]:
    """A worker's mailroom whose mail servers are at `urls`, by transport; all goes by `default` unless there is a router."""
    carrier = SmtpCarrier(urls, clock, timeout=5.0, reply_timeout=5.0)
    try:
        yield Mailroom(store, carrier, router or OneWay(), writer, clock, lambda *_: False, worker)
    finally:
        carrier.close()


class Accepting:
    """A carrier without servers: it takes every mail at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.carried: list[Carried] = []

    def free(self, transport: str) -> int:
        return 100

    def carry(self, mails: Sequence[Mail]) -> None:
        at = self._clock.now()
        self.carried += [Carried(mail.message, mail.transport, mail.domain, at, Accepted("250 taken")) for mail in mails]

    def finished(self, patience: float) -> list[Carried]:
        carried, self.carried = self.carried, []
        return carried

    def close(self) -> None:
        pass

"""A small, real name server on loopback that answers from a zone which a test may change at any time."""

import socket
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from dns.reversename import from_address

#: Records by (name, kind): `("a.fr", "MX"): ["10 mail.a.fr"]`, texts without quotes.
Zone = dict[tuple[str, str], Sequence[str]]


def reverse(address: str) -> str:
    """The name under which the DNS has the name of an address."""
    return from_address(address).to_text().rstrip(".")


class NameServer:
    """The server, in a thread of its own. While `silent` is on, it hears and says nothing."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.silent = False
        self.asked: list[tuple[str, str]] = []

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="name-server", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join(10)
        self._socket.close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                packet, whom = self._socket.recvfrom(4_096)
            except TimeoutError:
                continue
            if not self.silent:
                self._socket.sendto(self._answer(packet), whom)

    def _answer(self, packet: bytes) -> bytes:
        query = dns.message.from_wire(packet)
        question = query.question[0]
        name, kind = question.name.to_text().lower().rstrip("."), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        records = self.zone.get((name, kind), ())
        if records:
            written = [_written(record, kind) for record in records]
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *written))
        elif not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()


def _written(record: str, kind: str) -> str:
    if kind == "TXT":
        return " ".join(f'"{record[at : at + 200]}"' for at in range(0, len(record), 200))
    return record if kind in ("A", "AAAA") else f"{record.rstrip('.')}."

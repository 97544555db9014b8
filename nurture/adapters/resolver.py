"""Questions to the DNS, for whoever looks at an installation; another resolver can take this one's place."""

from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Final, Literal, Protocol

from dns.exception import DNSException
from dns.name import from_text as name_of
from dns.resolver import NXDOMAIN, NoAnswer, NoResolverConfiguration
from dns.resolver import Resolver as Stub
from dns.reversename import from_address

from nurture.errors import SettingsError, Unavailable

RecordKind = Literal["A", "AAAA", "MX", "PTR", "TXT", "CNAME"]

_DNS_PORT: Final = 53


class Resolver(Protocol):
    """Answers questions to the DNS."""

    def __call__(self, name: str, kind: RecordKind) -> Sequence[str]:
        """The records of a name, as text: none where there are none. Of a PTR the name is the address that is asked about.

        An MX is told as `10 mail.example.com`, hosts in small letters without their last dot, a TXT in one piece.
        Raises Unavailable when nobody answers.
        """
        ...


class DnsResolver:
    """Fulfils `Resolver` by the system's name servers, or by the one at `server` (an address, or `address:port`)."""

    def __init__(self, server: str | None = None, patience: float = 3.0) -> None:
        self._server, self._patience = server, patience
        self._stub: Stub | None = None

    def __call__(self, name: str, kind: RecordKind) -> Sequence[str]:
        stub = self._asked()
        try:
            asked = from_address(name) if kind == "PTR" else name_of(name)
            answer = stub.resolve(asked, kind, lifetime=self._patience, search=False)
        except (NXDOMAIN, NoAnswer):
            return []
        except (DNSException, ValueError, OSError) as error:
            raise Unavailable(f"the DNS does not say what {kind} {name} has ({type(error).__name__}); ask again") from None
        return sorted(_told(record, kind) for record in answer)

    def _asked(self) -> Stub:
        if self._stub is None:
            try:
                self._stub = Stub(configure=self._server is None)
            except NoResolverConfiguration:
                raise Unavailable("this machine names no name server; name one with --resolver") from None
            if self._server is not None:
                self._stub.nameservers, self._stub.port = _server(self._server)
        return self._stub


def _server(written: str) -> tuple[list[str], int]:
    host, port = written, _DNS_PORT
    if written.count(":") == 1:
        host, _, told = written.partition(":")
        port = int(told) if told.isascii() and told.isdigit() else 0
    with suppress(ValueError):
        if port:
            return [str(ip_address(host))], port
    raise SettingsError(f"{written!r} is no name server; write an address such as 9.9.9.9, or 127.0.0.1:5353")


def _told(record: Any, kind: RecordKind) -> str:
    match kind:
        case "TXT":
            return b"".join(record.strings).decode("utf-8", "replace")
        case "MX":
            return f"{record.preference} {_host(record.exchange)}"
        case "PTR" | "CNAME":
            return _host(record.target)
        case _:
            return str(record.address)


def _host(name: Any) -> str:
    return str(name.to_text()).lower().rstrip(".")

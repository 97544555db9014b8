"""Questions to a real name server."""

from collections.abc import Iterator

import pytest

from nurture.adapters.resolver import DnsResolver
from nurture.errors import SettingsError, Unavailable
from tests.support.dns import NameServer, Zone, reverse


@pytest.fixture
def server() -> Iterator[NameServer]:
    zone: Zone = {
        ("a.fr", "TXT"): ["v=spf1 -all", "x" * 450], ("a.fr", "MX"): ["20 Backup.a.fr", "10 mail.a.fr"], ("b.fr", "MX"): ["0 ."],
        ("a.fr", "A"): ["192.0.2.1"], ("a.fr", "AAAA"): ["2001:db8::1"], (reverse("192.0.2.1"), "PTR"): ["Mail.A.fr"],
        ("www.a.fr", "CNAME"): ["a.fr"],
    }  # fmt: skip
    with NameServer(zone) as opened:
        yield opened


def test_records_as_text(server: NameServer) -> None:
    ask = DnsResolver(server.address, 20.0)
    assert ask("a.fr", "TXT") == ["v=spf1 -all", "x" * 450]
    assert ask("A.fr", "MX") == ["10 mail.a.fr", "20 backup.a.fr"]
    assert ask("b.fr", "MX") == ["0 "]
    assert ask("a.fr", "A") == ["192.0.2.1"]
    assert ask("a.fr", "AAAA") == ["2001:db8::1"]
    assert ask("192.0.2.1", "PTR") == ["mail.a.fr"]
    assert ask("www.a.fr", "CNAME") == ["a.fr"]


def test_no_such_name_and_no_such_record_are_no_records(server: NameServer) -> None:
    ask = DnsResolver(server.address, 20.0)
    assert ask("nobody.fr", "TXT") == []
    assert ask("b.fr", "A") == []


def test_whoever_does_not_answer_is_unavailable(server: NameServer) -> None:
    server.silent = True
    with pytest.raises(Unavailable, match="LifetimeTimeout"):
        DnsResolver(server.address, 0.2)("a.fr", "A")


def test_what_is_no_name_is_unavailable(server: NameServer) -> None:
    with pytest.raises(Unavailable):
        DnsResolver(server.address)(f"{'x' * 70}.fr", "A")


@pytest.mark.parametrize("written", ["dns.example.com", "127.0.0.1:", "127.0.0.1:dns", ""])
def test_a_name_server_is_an_address(written: str) -> None:
    with pytest.raises(SettingsError, match="is no name server"):
        DnsResolver(written)("a.fr", "A")

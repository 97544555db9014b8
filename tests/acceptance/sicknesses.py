"""The table of sicknesses: how each is brought about, what status and doctor must name first, and what merely follows."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from redis.exceptions import OutOfMemoryError
from sqlalchemy import text, update

from nurture.adapters import redis_keys
from nurture.adapters.broker import QUEUES
from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.migrations import upgrade
from nurture.adapters.database.tables import messages, releases
from nurture.adapters.mail.signing import make_key, public_record, read_key
from nurture.reports.reading_store import newest_revision
from tests.acceptance.hospital import DOMAIN, HOST, SELECTOR, Ward, nurture

Inject = Callable[[Ward, pytest.MonkeyPatch], None]


class Sickness(NamedTuple):
    """`status` is the code of the first problem, None where status cannot know; `follows` are problems explained by it."""

    name: str
    inject: Inject
    status: str | None
    doctor: str
    follows: tuple[str, ...] = ()


def redis_down(ward: Ward, _: pytest.MonkeyPatch) -> None:
    ward.hospital.redis.stop()


def redis_full(ward: Ward, _: pytest.MonkeyPatch) -> None:
    """Nobody can write a sign of life any more, so those that there were are gone before long."""
    ward.redis.config_set("maxmemory", "1mb")
    with pytest.raises(OutOfMemoryError):
        ward.sign()
    ward.redis.delete(redis_keys.worker("all@box"), redis_keys.BEAT)


def redis_evicts(ward: Ward, _: pytest.MonkeyPatch) -> None:
    ward.redis.config_set("maxmemory-policy", "allkeys-lru")


def redis_forgets(ward: Ward, _: pytest.MonkeyPatch) -> None:
    ward.redis.config_set("appendonly", "no")


def database_down(ward: Ward, _: pytest.MonkeyPatch) -> None:
    ward.engine.dispose()
    ward.parts.database.engine.dispose()
    old = f"{int((time.time() - 90) * 1000)}-0"
    ward.redis.xadd(redis_keys.events(1), {"e": "{}"}, id=old)
    ward.hospital.postgres.stop()


def migrations_behind(ward: Ward, environment: pytest.MonkeyPatch) -> None:
    url = ward.hospital.postgres.create_database()
    engine = make_engine(url)
    upgrade(engine, f"{int(newest_revision()) - 1:04}")
    engine.dispose()
    environment.setenv("NURTURE_DATABASE_URL", url)


def no_tables(ward: Ward, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NURTURE_DATABASE_URL", ward.hospital.postgres.create_database())


def index_lost(ward: Ward, _: pytest.MonkeyPatch) -> None:
    with ward.engine.begin() as connection:
        connection.execute(text("DROP INDEX ix_messages_queued"))


def no_worker(ward: Ward, _: pytest.MonkeyPatch) -> None:
    """Something came meanwhile, which nobody absorbs."""
    ward.silence(worker=True)
    ward.redis.xadd(redis_keys.events(1), {"e": "{}"}, id=f"{int((time.time() - 90) * 1000)}-0")


def no_mail_worker(ward: Ward, _: pytest.MonkeyPatch) -> None:
    ward.mail_somebody()
    ward.queues = [queue for queue in QUEUES if queue != "mail"]
    ward.sign()
    _overdue(ward)


def _overdue(ward: Ward) -> None:
    due = datetime.now(UTC) - timedelta(minutes=2)
    with ward.engine.begin() as connection:
        connection.execute(update(messages).values(status="queued", due_at=due, lease_until=None))


def mail_held(ward: Ward, _: pytest.MonkeyPatch) -> None:
    """Somebody holds the queue while mails are due, and forgets it."""
    assert nurture("pause", "queue", "mail", "--reason", "the new template is wrong").exit_code == 0
    ward.mail_somebody()
    _overdue(ward)


def everything_held(ward: Ward, _: pytest.MonkeyPatch) -> None:
    assert nurture("pause", "all").exit_code == 0
    ward.redis.xadd(redis_keys.events(1), {"e": "{}"}, id=f"{int((time.time() - 90) * 1000)}-0")


def beat_stopped(ward: Ward, _: pytest.MonkeyPatch) -> None:
    ward.silence(beat=True)
    ward.redis.set(redis_keys.BEAT, f"{time.time() - 40:.3f}")


def web_absent(ward: Ward, _: pytest.MonkeyPatch) -> None:
    ward.silence(web=True)


def clock_skewed(ward: Ward, _: pytest.MonkeyPatch) -> None:
    ward.ahead = 120.0
    ward.sign()


def smtp_refuses_us(ward: Ward, _: pytest.MonkeyPatch) -> None:
    ward.hospital.mail.password = "another"
    ward.mail_somebody()


def smtp_down(ward: Ward, _: pytest.MonkeyPatch) -> None:
    ward.hospital.mail.stop()
    ward.mail_somebody()


def blocked_by_policy(ward: Ward, _: pytest.MonkeyPatch) -> None:
    ward.hospital.mail.refusal = "550 5.7.1 your messages are blocked for policy reasons"
    ward.mail_somebody()


def poisoned(ward: Ward, _: pytest.MonkeyPatch) -> None:
    ward.happen(b'{"source": "website"}', b"\xff\xfe")


def mailbox_closed(ward: Ward, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NURTURE_IMAP_URL", ward.hospital.imap.url.replace("pass%20word", "forgotten"))
    ward.redis.set(redis_keys.MAILBOX_FAILS, f"{time.time() - 1_200:.3f}")


def nothing_in_force(ward: Ward, _: pytest.MonkeyPatch) -> None:
    with ward.engine.begin() as connection:
        connection.execute(releases.delete())


def disk_full(_: Ward, environment: pytest.MonkeyPatch) -> None:
    """The one that cannot be had for real without a disk of one's own: the system says so instead of the disk."""
    real = os.statvfs

    def full(path: str | Path) -> os.statvfs_result:
        told = list(real(path))
        told[3] = told[4] = 10  # blocks that are free, and free for this user
        return os.statvfs_result(told)

    environment.setattr(os, "statvfs", full)


def journal_full(ward: Ward, _: pytest.MonkeyPatch) -> None:
    """Redis is away for so long that the journal of the web process takes nothing more."""
    from nurture.adapters.journal import Journal
    from nurture.adapters.segments import Kind, Record
    from nurture.errors import JournalFull

    journal = Journal(ward.settings.journal_folder, 20_000, lambda: datetime.now(UTC) - timedelta(minutes=1))
    record = [Record(Kind.EVENT, 0, b'{"page": "/pricing"}')]
    with suppress(JournalFull):
        while True:
            journal.append(record)
    with pytest.raises(JournalFull):
        journal.append(record)
    journal.close()
    ward.hospital.redis.stop()


def partition_unread(ward: Ward, _: pytest.MonkeyPatch) -> None:
    ward.redis.xadd(redis_keys.events(7), {"e": "{}"})


def nobody_can_enter(ward: Ward, _: pytest.MonkeyPatch) -> None:
    _spoil(ward, "sequences/guide-nurture.yaml", "audience: {not: {job_title", "audience: {stage: customer, not: {job_title")


def _spoil(ward: Ward, file: str, old: str, new: str) -> None:
    path = ward.settings.config_dir / file
    written = path.read_text(encoding="utf-8")
    assert old in written
    path.write_text(written.replace(old, new), encoding="utf-8")


def another_key_in_the_dns(ward: Ward, _: pytest.MonkeyPatch) -> None:
    other = ward.settings.data_dir / "other.pem"
    make_key(other, "rsa")
    ward.hospital.names.zone[f"{SELECTOR}._domainkey.{DOMAIN}", "TXT"] = [public_record(read_key(other))]


def spf_too_long(ward: Ward, _: pytest.MonkeyPatch) -> None:
    zone = ward.hospital.names.zone
    zone["spf.relay.net", "TXT"] = ["v=spf1 " + " ".join(f"a:h{number}.relay.net" for number in range(11)) + " -all"]


def bounces_are_not_taken(ward: Ward, _: pytest.MonkeyPatch) -> None:
    ward.hospital.names.zone[f"bounces.{DOMAIN}", "MX"] = ["0 ."]


def links_lead_nowhere(ward: Ward, environment: pytest.MonkeyPatch) -> None:
    """The certificate is of another name than the one that links lead to."""
    other = f"links.{DOMAIN}"
    ward.hospital.names.zone[other, "A"] = ["127.0.0.1"]
    environment.setenv("NURTURE_PUBLIC_URL", ward.settings.public_url.replace(HOST, other))


def key_lies_open(ward: Ward, _: pytest.MonkeyPatch) -> None:
    (ward.settings.dkim_folder / f"{SELECTOR}.pem").chmod(0o644)


SICKNESSES: Final = (
    Sickness("redis down", redis_down, "redis-away", "redis-away"),
    Sickness("redis full", redis_full, "redis-full", "redis-full", ("no-worker", "beat-silent")),
    Sickness("redis evicts", redis_evicts, "redis-evicts", "redis-evicts"),
    Sickness("redis without a file", redis_forgets, "redis-forgets", "redis-forgets"),
    Sickness("database down", database_down, "database-away", "database-away", ("events-late",)),
    Sickness("migrations behind", migrations_behind, "schema-behind", "schema-behind"),
    Sickness("no tables", no_tables, "schema-missing", "schema-missing"),
    Sickness("an index lost", index_lost, None, "index-missing"),
    Sickness("no worker", no_worker, "no-worker", "no-worker", ("events-late",)),
    Sickness("no worker for mail", no_mail_worker, "queue-unserved", "queue-unserved", ("mails-overdue",)),
    Sickness("a queue is held", mail_held, "queue-held", "queue-held", ("mails-overdue",)),
    Sickness("everything is held", everything_held, "all-held", "all-held", ("events-late",)),
    Sickness("beat stopped", beat_stopped, "beat-silent", "beat-silent"),
    Sickness("no web process", web_absent, None, "web-absent"),
    Sickness("a worker's clock is off", clock_skewed, "clock-skew", "clock-skew"),
    Sickness("the mail server refuses the log-in", smtp_refuses_us, "transport-resting", "smtp-login"),
    Sickness("the mail server is down", smtp_down, "transport-resting", "smtp-away"),
    Sickness("blocked by policy", blocked_by_policy, "recipients-resting", "recipients-resting", ("alarms-unseen",)),
    Sickness("a poisoned batch", poisoned, "dead-letters", "dead-letters"),
    Sickness("the mailbox cannot be read", mailbox_closed, "mailbox-unreadable", "imap-login"),
    Sickness("nothing in force", nothing_in_force, "no-definitions", "no-definitions"),
    Sickness("disk full", disk_full, "disk-full", "disk-full"),
    Sickness("journal full", journal_full, "redis-away", "redis-away", ("journal-full", "journal-waiting")),
    Sickness("more partitions elsewhere", partition_unread, None, "partition-unread"),
    Sickness("a sequence that nobody can enter", nobody_can_enter, None, "sequence-closed"),
    Sickness("another DKIM key in the DNS", another_key_in_the_dns, None, "dkim-mismatch"),
    Sickness("an SPF record that asks too much", spf_too_long, None, "spf-too-long"),
    Sickness("bounces are not taken", bounces_are_not_taken, None, "mx-null"),
    Sickness("the certificate of links is wrong", links_lead_nowhere, None, "certificate-wrong"),
    Sickness("a key that others can read", key_lies_open, None, "key-file-open"),
)

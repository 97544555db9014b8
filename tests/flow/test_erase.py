"""Erasing people: nothing that names them stays, and no mail goes to them ever again."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import func, insert, select, update

from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import (
    daily_counts,
    deliveries,
    enrollments,
    erased_addresses,
    event_conflicts,
    events,
    identifiers,
    identity_journal,
    messages,
    metadata,
    people,
    suppressions,
)
from nurture.adapters.mail.kept_mails import KeptMails
from nurture.adapters.redis_erasure import Shelves, WaitingEvents
from nurture.adapters.redis_keys import DEAD, FIELD, QUARANTINE
from nurture.adapters.redis_keys import events as stream_of
from nurture.adapters.stream import held_partition
from nurture.domain.erasing import Traces, named
from nurture.domain.event import EMAIL_CLICKED, EVENT, UNSUBSCRIBED
from nurture.errors import SettingsError, Unavailable
from nurture.flow.erase import Account, Elsewhere, Erasing, erase
from nurture.flow.recount import recount
from nurture.reports.people import find_person
from nurture.reports.verify import verify
from tests.flow.conftest import Intake
from tests.support.definitions import definitions
from tests.support.events import MONDAY, download, event, form, page
from tests.support.installation import Installation
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock

ANA = "ana@acme.test"


@pytest.fixture
def installation(database: Database, redis: Redis, clock: MovableClock, smtp_sink: SmtpSink) -> Installation:
    return Installation(database.engine, redis, clock, smtp_sink)


def erase_whoever(
    who: str, installation: Installation, places: Sequence[Elsewhere] | None = None, *, dry_run: bool = False
) -> Account:
    """As the command does it."""
    with installation.engine.connect() as connection:
        try:
            known, word = find_person(connection, who).ids, Traces()
        except Exception:  # noqa: BLE001 - whoever is known no more is erased by the word alone
            known, word = (), named(who)
    places = [WaitingEvents(installation.redis), Shelves(installation.redis)] if places is None else places
    return erase(known, word, installation.database, places, installation.clock.now(), dry_run=dry_run)


def everything(installation: Installation) -> str:
    """All rows of the database and all streams of Redis as one text."""
    told = []
    with installation.engine.connect() as connection:
        for table in metadata.sorted_tables:
            if table.name not in ("releases", "sequence_versions"):
                told += [str(tuple(row)) for row in connection.execute(select(table))]
    for key in installation.redis.scan_iter():
        if installation.redis.type(key) == b"stream":
            told.append(str(installation.redis.xrange(key)))
    return "\n".join(told)


def count(installation: Installation, table: Any) -> int:
    with installation.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def crowd(installation: Installation) -> None:
    """Ana with two browsers that were merged, runs and a mail; Ben on one of her browsers; a counted visitor without a name."""
    installation.happen(page("/blog/a", "office"), page("/pricing", "phone"))
    installation.happen(form(ANA, "office", job_title="Head of Sales"), form(ANA, "phone", city="Lyon"), download(ANA))
    installation.happen(page("/pricing", "phone", message_id="same"))
    installation.happen(page("/careers", "phone", message_id="same"))
    installation.happen(form("ben@acme.test", "office", at=MONDAY + timedelta(hours=1)))
    installation.happen(event("page_viewed", consented=False))
    installation.work()


def test_nothing_that_names_a_person_stays(installation: Installation) -> None:
    crowd(installation)
    with installation.engine.begin() as connection:
        connection.execute(insert(suppressions).values(email=ANA, reason="unsubscribed", source="engine", at=MONDAY))
    ids = [str(row) for row in find_ids(installation, ANA)]
    assert count(installation, event_conflicts) == 1
    tried = erase_whoever(ANA, installation, dry_run=True)
    assert ANA in everything(installation)
    account = erase_whoever(ANA, installation)
    assert tried.removed == account.removed
    assert not account.again
    kinds = {
        "people",
        "identifiers",
        "events",
        "conflicts",
        "enrollments",
        "messages",
        "stage_changes",
        "journal",
        "suppressions",
    }
    assert kinds <= (+account.removed).keys()
    left = everything(installation)
    assert [word for word in (ANA, "Lyon", "phone", *ids) if word in left] == []
    assert count(installation, erased_addresses) == 1
    assert count(installation, daily_counts) == 1
    assert installation.person("ben@acme.test").email == "ben@acme.test"
    assert verify(installation.engine, installation.definitions) == []


def find_ids(installation: Installation, who: str) -> Sequence[int]:
    with installation.engine.connect() as connection:
        return find_person(connection, who).ids


def test_erasing_again_finds_nothing_and_says_that_it_was_done(installation: Installation) -> None:
    crowd(installation)
    erase_whoever(ANA, installation)
    again = erase_whoever(ANA, installation)
    assert (again.removed.total(), again.again) == (0, True)
    never = erase_whoever("nobody@acme.test", installation)
    assert (never.removed.total(), never.again) == (0, False)


def test_erase_during_active_enrolment_leaves_a_hash_and_no_later_mail__suites_23(installation: Installation) -> None:
    installation.happen(form(ANA), download(ANA))
    installation.work()
    sent = len(installation.sink.mails)
    assert sent == 1
    erase_whoever(ANA, installation)
    at = installation.later(days=3)
    installation.work()
    assert len(installation.sink.mails) == sent
    installation.happen(form(ANA, device="other", at=at), download(ANA, at=at))
    installation.work()
    installation.later(days=10)
    installation.work()
    assert len(installation.sink.mails) == sent
    assert count(installation, enrollments) == 1
    with installation.engine.connect() as connection:
        [suppressed] = connection.execute(select(suppressions)).all()
        assert (suppressed.email, suppressed.reason, suppressed.source) == (ANA, "erased", "erase")
        assert set(connection.scalars(select(messages.c.reason))) == {"suppressed", "too_late"}


def test_the_same_person_who_posts_a_form_again_is_new_and_suppressed_whatever_the_case(installation: Installation) -> None:
    installation.happen(form(ANA, city="Lyon"))
    before = installation.person(ANA).id
    erase_whoever(ANA.upper(), installation)
    installation.happen(form(ANA), form("ben@acme.test", "b"))
    after = installation.person(ANA)
    assert after.id != before
    assert after.attributes == {}
    with installation.engine.connect() as connection:
        assert list(connection.scalars(select(suppressions.c.email))) == [ANA]


def test_what_waits_goes_too_and_what_is_others_stays(installation: Installation) -> None:
    installation.happen(form(ANA, "office"))
    person = installation.person(ANA).id
    others = [form("ben@acme.test", "office"), page("/pricing", "elsewhere"), event(EMAIL_CLICKED, person=7, source="engine")]
    hers = [
        form(ANA, "new"), page("/pricing", "office"), event(EMAIL_CLICKED, person=person, source="engine"),
        event(UNSUBSCRIBED, person=person, source="engine"),
    ]  # fmt: skip
    for number, each in enumerate([*hers, *others]):
        body = EVENT.dump_json(each)
        installation.redis.xadd(stream_of(number % 3), {FIELD: body})
        installation.redis.xadd(
            DEAD, {FIELD: body, "reason": f"it quotes {each.email}", "at": "", "partition": 0, "entry": "1-1"}
        )
        installation.redis.xadd(QUARANTINE, {FIELD: body, "reasons": "[]", "at": ""})
    installation.redis.xadd(
        DEAD, {FIELD: b'{"email": "ana@acme.test", "broken', "reason": "", "at": "", "partition": 0, "entry": "1-1"}
    )
    account = erase_whoever(ANA, installation)
    assert account.removed["waiting_events"] == account.removed["quarantined"] == 4
    assert account.removed["dead_letters"] == 5
    assert ANA not in everything(installation)
    assert sum(installation.redis.xlen(stream_of(number)) for number in range(3)) == 3
    assert installation.redis.xlen(DEAD) == installation.redis.xlen(QUARANTINE) == 3


def test_a_page_of_waiting_events_is_no_bound(installation: Installation) -> None:
    installation.happen(form(ANA, "office"))
    pipeline = installation.redis.pipeline()
    for number in range(1_300):
        pipeline.xadd(stream_of(2), {FIELD: EVENT.dump_json(page("/a", "office" if number % 2 else "elsewhere"))})
    pipeline.execute()
    assert erase_whoever(ANA, installation).removed["waiting_events"] == 650
    assert installation.redis.xlen(stream_of(2)) == 650


def test_a_worker_that_died_with_their_events_leaves_no_empty_letters(installation: Installation, intake: Intake) -> None:
    installation.happen(form(ANA, "office"))
    intake.put(page("/pricing", "office"), page("/pricing", "elsewhere"))
    with held_partition(installation.redis, 0) as partition:
        assert partition is not None
        assert len(partition.read(10)) == 2
    erase_whoever(ANA, installation)
    absorbed = intake.absorb()
    assert (absorbed.stored, absorbed.parked) == (1, 0)
    assert installation.redis.xlen(DEAD) == 0


def test_an_event_in_a_workers_hand_does_not_bring_them_back(installation: Installation, intake: Intake) -> None:
    """The worker has read the event; it absorbs it while the erasure waits for its lease."""
    installation.happen(form(ANA, "office"))
    intake.put(form(ANA, "tablet", city="Lyon"))
    has_read, goes_on = threading.Event(), threading.Event()

    def work() -> None:
        with held_partition(installation.redis, 0) as partition:
            assert partition is not None
            read = partition.read

            def slow(limit: int) -> Any:
                entries = read(limit)
                has_read.set()
                goes_on.wait(10)
                return entries

            partition.read = slow  # type: ignore[method-assign]  # a worker that is slow just here
            from nurture.adapters.agents import kind_of_agent
            from nurture.flow.absorb import absorb

            absorb(partition, installation.database, installation.clock, kind_of_agent)

    worker = threading.Thread(target=work)
    worker.start()
    assert has_read.wait(10)
    threading.Timer(0.5, goes_on.set).start()
    account = erase_whoever(ANA, installation)
    worker.join()
    assert account.removed["waiting_events"] == 1
    assert account.removed["events"] == 2
    left = everything(installation)
    assert (ANA in left, "tablet" in left, "Lyon" in left) == (False, False, False)


def test_an_event_absorbed_after_the_rows_went_is_taken_in_the_next_round(installation: Installation, intake: Intake) -> None:
    installation.happen(form(ANA, "office"))
    known = find_ids(installation, ANA)

    class Busy:
        """A store on which their event is absorbed right after their rows went."""

        came = False

        @contextmanager
        def forgetting(self, *, dry_run: bool = False) -> Iterator[Erasing]:
            with installation.database.forgetting(dry_run=dry_run) as transaction:
                yield transaction
            if not (dry_run or self.came):
                self.came = True
                intake.take([form(ANA, "office", city="Lyon"), form("ben@acme.test", "office")])

    account = erase(known, Traces(), Busy(), [], installation.clock.now())
    assert (account.removed["people"], account.removed["suppressions"]) == (2, 1)
    left = everything(installation)
    assert (ANA in left, "Lyon" in left, "ben@acme.test" in left) == (False, False, True)


def test_a_worker_that_never_puts_its_partition_down_is_named(installation: Installation, intake: Intake) -> None:
    installation.happen(form(ANA, "office"))
    intake.put(page("/pricing", "office"))
    with held_partition(installation.redis, 0) as partition:
        assert partition is not None
        partition.read(10)
        with pytest.raises(Unavailable, match="partition 0"):
            erase_whoever(ANA, installation, [WaitingEvents(installation.redis, patience=0.2)])
    assert installation.person(ANA).email == ANA  # known as before, so the command can be given again
    erase_whoever(ANA, installation)
    assert ANA not in everything(installation)


def test_a_shared_browsers_next_owner_is_not_taken_along(installation: Installation) -> None:
    installation.happen(form(ANA, "office"), form("ben@acme.test", "office", at=MONDAY + timedelta(hours=1)))
    assert count(installation, identity_journal) > 0
    erase_whoever(ANA, installation)
    with installation.engine.connect() as connection:
        held = set(map(tuple, connection.execute(select(identifiers.c.kind, identifiers.c.value))))
    assert {("email", "ben@acme.test"), ("anonymous_id", "office")} <= held
    assert verify(installation.engine, installation.definitions) == []


def test_an_address_that_somebody_else_named_in_vain_is_not_theirs_after_a_recount(installation: Installation) -> None:
    installation.happen(form(ANA, "office"), form("ben@acme.test", "b"))
    installation.happen(
        event("identified", MONDAY + timedelta(hours=1), user_id="u-ben", email="ben@acme.test", anonymous_id="b")
    )
    in_vain = event(
        "identified", MONDAY + timedelta(hours=2), user_id="u-ben", email=ANA, anonymous_id="b", traits={"email": ANA}
    )
    installation.happen(in_vain)
    account = erase_whoever(ANA, installation)
    assert account.removed["events_unnamed"] == 1
    assert ANA not in everything(installation)
    with installation.engine.begin() as connection:
        connection.execute(people.update().values(recount_at=installation.clock.now()))
    recount(installation.database, installation.clock)
    assert ANA not in everything(installation)
    assert count(installation, people) == 1
    assert verify(installation.engine, installation.definitions) == []


def test_old_links_of_an_erased_person_do_nothing(installation: Installation, intake: Intake) -> None:
    installation.happen(form(ANA), download(ANA))
    installation.work()
    click = installation.click(ANA, "thanks")
    unsubscribed = event(UNSUBSCRIBED, person=click.person, message=click.message, source="engine")
    erase_whoever(ANA, installation)
    absorbed = intake.take([click, unsubscribed])
    assert (absorbed.stored, absorbed.parked, absorbed.dropped) == (0, 0, 2)
    assert count(installation, people) == count(installation, events) == 0
    assert installation.redis.xlen(DEAD) == 0


def test_mails_kept_for_development_go(installation: Installation, tmp_path: Path) -> None:
    installation.happen(form(ANA))
    for name, to in (("a", f"Ana Martin <{ANA}>"), ("b", "Ben <ben@acme.test>"), ("c", "Joana <joana@acme.test>")):
        (tmp_path / f"{name}.eml").write_bytes(f"To: {to}\r\nSubject: x\r\n\r\nHello.\r\n".encode())
    mails = KeptMails(tmp_path)
    assert erase_whoever(ANA, installation, [mails], dry_run=True).removed["kept_mails"] == 1
    assert erase_whoever(ANA, installation, [mails]).removed["kept_mails"] == 1
    assert sorted(file.name for file in tmp_path.glob("*.eml")) == ["b.eml", "c.eml"]
    assert KeptMails(tmp_path / "nowhere").remove(named(ANA)) == Counter()


def test_without_a_key_hashes_are_not_passed_over_in_silence(installation: Installation, intake: Intake) -> None:
    keyless = Database(installation.engine)
    Intake(intake.redis, keyless, installation.clock).take([form("ben@acme.test", "b")])
    installation.happen(form(ANA))
    known = find_ids(installation, ANA)
    with pytest.raises(SettingsError, match="NURTURE_SECRET_KEY"), keyless.forgetting() as transaction:
        transaction.erase(known, installation.clock.now(), wished=True)
    erase_whoever(ANA, installation)
    with pytest.raises(SettingsError, match="NURTURE_SECRET_KEY"):
        Intake(intake.redis, keyless, installation.clock).take([form("eve@acme.test", "e")])


def test_the_hash_tells_nothing_to_whoever_has_not_the_key(installation: Installation) -> None:
    installation.happen(form(ANA))
    erase_whoever(ANA, installation)
    with installation.engine.connect() as connection:
        digest = connection.scalar(select(erased_addresses.c.digest))
    assert digest == installation.database.erased.digest(f" {ANA.title()} ")
    assert digest != Database(installation.engine, "another secret of sixteen").erased.digest(ANA)
    assert definitions().privacy.retention.spans().keys() == {"conflicts", "counted"}


def test_what_is_told_of_somebody_outlives_who_they_were_taken_for(installation: Installation) -> None:
    """An alert follows its run from one person to another when they are told apart; its delivery names whom it was for at first."""
    endpoint = {"url": "http://127.0.0.1:1/", "stages": ["lead"], "secret": "crm"}
    installation.apply(definitions(handoff={"endpoints": {"crm": endpoint}}))
    for address in (ANA, "ben@acme.test"):
        installation.happen(form(address, device=address), download(address))
    ana, ben = installation.person(ANA).id, installation.person("ben@acme.test").id
    with installation.engine.begin() as connection:
        connection.execute(update(deliveries).where(deliveries.c.person_id == ana).values(person_id=ben))
    erase_whoever("ben@acme.test", installation)
    with installation.engine.connect() as connection:
        assert list(connection.scalars(select(deliveries.c.person_id))) == [None]

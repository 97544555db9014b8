"""What is kept longer than its class of data may be goes; what is left still follows from the log."""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import ColumnElement, Row, Table, func, insert, select, update

from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import (
    counted_events,
    daily_counts,
    erased_addresses,
    event_conflicts,
    events,
    horizons,
    identity_journal,
    messages,
    people,
    score_cells,
    stage_changes,
    suppressions,
)
from nurture.domain.definitions import Definitions
from nurture.domain.erasing import Traces
from nurture.domain.event import day_number
from nurture.domain.privacy import oldest_kept
from nurture.errors import Conflict
from nurture.flow.erase import erase
from nurture.flow.forget import Forgotten, due, forget
from nurture.flow.recount import recount
from nurture.reports.verify import verify
from tests.flow.conftest import Intake
from tests.support.definitions import DEFINITIONS, definitions
from tests.support.events import MONDAY, download, event, form, page
from tests.support.installation import Installation, crawl
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock

ANA = "ana@acme.test"
SPANS = {
    "anonymous": "30d", "prospects": "60d", "events": "20d", "messages": "20d", "journal": "20d", "conflicts": "10d", "counted": "5d",
}  # fmt: skip


@pytest.fixture
def installation(database: Database, redis: Redis, clock: MovableClock, smtp_sink: SmtpSink) -> Installation:
    return Installation(database.engine, redis, clock, smtp_sink)


def keep(installation: Installation, **spans: str) -> None:
    """Put spans in force; a class that is not named is kept as by default."""
    installation.apply(definitions(privacy={"retention": spans}))


def forget_all(installation: Installation, limit: int = 1_000) -> Counter[str]:
    """Round after round until nothing is left, as the task does."""
    gone = Counter[str]()
    more = True
    while more:
        outcome = once(installation, limit)
        gone.update(outcome.gone)
        more = outcome.more
    return +gone


def once(installation: Installation, limit: int = 1_000) -> Forgotten:
    def eraser(wanted: Collection[int], at: datetime) -> None:
        erase(wanted, Traces(), installation.database, (), at, wished=False)

    return forget(installation.database, eraser, installation.clock, limit)


def rows(installation: Installation, table: Table, *where: ColumnElement[bool]) -> Sequence[Row[Any]]:
    with installation.engine.connect() as connection:
        return connection.execute(select(table).where(*where)).all()


def count(installation: Installation, table: Table) -> int:
    with installation.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def crowd(installation: Installation, days: int = 40) -> None:
    """Somebody known with two browsers, readers and a crawler, over some days, until the present instant."""
    installation.happen(page("/blog/a", "office"), form(ANA, "office", job_title="Head of Sales"), download(ANA))
    installation.happen(form(ANA, "phone", at=MONDAY + timedelta(hours=2), city="Lyon"))
    for day in range(days):
        at = installation.clock.now()
        installation.happen(
            page("/pricing", "office" if day % 2 else "phone", at=at), page(f"/blog/{day}", f"reader-{day % 5}", at=at),
            page("/blog/x", "once" if not day else f"reader-{day % 3}", at=at + timedelta(hours=1)), crawl("/pricing"),
        )  # fmt: skip
        installation.later(days=1)


def test_nothing_is_forgotten_unless_somebody_says_so(installation: Installation) -> None:
    crowd(installation, 5)
    installation.later(days=4_000)
    before = count(installation, events)
    assert forget_all(installation) == Counter()
    assert count(installation, events) == before


@pytest.mark.parametrize("limit", [1_000, 3])
def test_events_go_by_whole_days_with_their_points_and_nothing_differs(installation: Installation, limit: int) -> None:
    crowd(installation)
    keep(installation, events="20d")
    assert verify(installation.engine, installation.definitions) == []
    horizon = oldest_kept(timedelta(days=20), installation.clock.now())
    too_old = len(rows(installation, events, events.c.occurred_at < horizon))
    assert due(installation.database, installation.clock)["events"] == too_old
    assert forget_all(installation, limit) == Counter(events=too_old)
    assert rows(installation, events, events.c.occurred_at < horizon) == []
    assert rows(installation, score_cells, score_cells.c.day < day_number(horizon)) == []
    assert rows(installation, score_cells) != []
    [moved] = rows(installation, horizons)
    assert (moved.what, moved.at) == ("events", horizon)
    assert verify(installation.engine, installation.definitions) == []
    ana = installation.person(ANA)
    assert {name: told[0] for name, told in ana.attributes.items()} == {"job_title": "Head of Sales", "city": "Lyon"}
    assert ana.first_touch is not None
    assert ana.stage == "mql"
    assert forget_all(installation) == Counter()


def test_interrupted_anywhere_nothing_differs(installation: Installation) -> None:
    crowd(installation, 12)
    keep(installation, events="4d")
    while once(installation, 2).more:
        assert verify(installation.engine, installation.definitions) == []


def test_a_recount_afterwards_changes_nothing(installation: Installation) -> None:
    crowd(installation, 12)
    recount(installation.database, installation.clock)
    keep(installation, events="4d")
    forget_all(installation)
    before = everybody_counted(installation)
    with installation.engine.begin() as connection:
        connection.execute(update(people).where(people.c.merged_into.is_(None)).values(recount_at=installation.clock.now()))
    recount(installation.database, installation.clock)
    assert everybody_counted(installation) == before


def everybody_counted(installation: Installation) -> list[str]:
    return sorted(str(row) for table in (people, score_cells) for row in rows(installation, table))


def test_what_comes_late_from_before_the_horizon_is_forgotten_in_its_turn(installation: Installation) -> None:
    crowd(installation, 12)
    keep(installation, events="4d")
    forget_all(installation)
    installation.happen(page("/pricing", "office", at=MONDAY), form("new@acme.test", "reader-1", at=MONDAY))
    assert verify(installation.engine, installation.definitions) == []
    assert forget_all(installation) == Counter(events=2)
    assert verify(installation.engine, installation.definitions) == []


def test_a_longer_span_does_not_move_the_horizon_back(installation: Installation) -> None:
    crowd(installation, 12)
    keep(installation, events="4d")
    forget_all(installation)
    [before] = rows(installation, horizons)
    installation.happen(page("/pricing", "office", at=MONDAY))
    keep(installation, events="6d")
    forget_all(installation)
    assert rows(installation, horizons) == [before]


def test_anonymous_visitors_expire_with_all_they_did(installation: Installation) -> None:
    crowd(installation)
    keep(installation, anonymous="30d")
    # Nobody human was ever seen at the crawler: it counts from when it first came.
    assert due(installation.database, installation.clock)["anonymous"] == 2
    assert forget_all(installation) == Counter(anonymous=2)
    assert installation.person(ANA).email == ANA
    with installation.engine.connect() as connection:
        devices = set(connection.scalars(select(events.c.body["anonymous_id"].as_string())))
    assert "once" not in devices
    assert "reader-1" in devices
    assert count(installation, erased_addresses) == 0
    assert verify(installation.engine, installation.definitions) == []
    installation.happen(page("/pricing", "once", at=installation.clock.now()))
    assert verify(installation.engine, installation.definitions) == []


def test_whoever_gave_a_user_id_is_not_anonymous(installation: Installation) -> None:
    installation.happen(event("identified", user_id="u-1", anonymous_id="a"), page("/a", "b"), page("/a", "c"))
    installation.happen(event("identified", user_id="u-2", anonymous_id="b"))
    installation.later(days=50)
    keep(installation, anonymous="30d")
    assert forget_all(installation) == Counter(anonymous=1)
    keep(installation, prospects="30d")
    assert due(installation.database, installation.clock)["prospects"] == 2
    assert forget_all(installation) == Counter(prospects=2)
    assert count(installation, people) == count(installation, events) == 0


def test_prospects_are_erased_and_customers_are_not(installation: Installation) -> None:
    for name in ("old", "never", "back", "won", "was"):
        installation.happen(form(f"{name}@acme.test", name))
    with installation.engine.begin() as connection:
        wish = {"email": "never@acme.test", "reason": "unsubscribed", "source": "engine", "at": MONDAY}
        connection.execute(insert(suppressions).values(wish))
    with installation.engine.begin() as connection:
        connection.execute(update(people).where(people.c.email == "won@acme.test").values(stage="customer"))
    was = installation.person("was@acme.test").id
    with installation.engine.begin() as connection:
        moved = {"id": 1, "person_id": was, "from_stage": "lead", "to_stage": "customer", "rule": "r", "cause": "c", "at": MONDAY}
        connection.execute(insert(stage_changes).values(moved))
    installation.later(days=50)
    installation.happen(page("/a", "back", at=installation.clock.now()))
    installation.later(days=20)
    keep(installation, prospects="60d")
    assert forget_all(installation) == Counter(prospects=2)
    assert {row.email for row in rows(installation, people)} == {"back@acme.test", "won@acme.test", "was@acme.test"}
    assert count(installation, erased_addresses) == 1, "only of whoever is never to be mailed"
    installation.happen(form("old@acme.test", "new"), form("never@acme.test", "newer"))
    [suppressed] = rows(installation, suppressions)
    assert (suppressed.email, suppressed.reason) == ("never@acme.test", "erased")


def test_of_old_mails_the_words_go_and_the_fact_stays(installation: Installation) -> None:
    installation.happen(form(ANA), download(ANA))
    installation.work()
    installation.later(days=2)
    installation.work()
    installation.later(days=2)
    keep(installation, messages="3d")
    assert forget_all(installation) == Counter(messages=1)
    told = {row.step: (row.subject, row.sent_at is not None) for row in rows(installation, messages)}
    assert told == {"thanks": (None, True), "case": ("case-study", True), "reminder": ("case-study-reminder", True)}
    installation.work()
    assert len(installation.sink.mails) == 3


def test_conflicts_ids_without_consent_and_the_journal_go_in_batches(installation: Installation) -> None:
    for number in range(7):
        installation.happen(page("/a", f"d{number}", message_id=f"m{number}"), page("/b", f"d{number}", message_id=f"m{number}"))
        installation.happen(event("page_viewed", consented=False))
    installation.happen(form("a@acme.test", "d1"), form("b@acme.test", "d1", at=MONDAY + timedelta(hours=1)))
    assert count(installation, event_conflicts) == count(installation, counted_events) == 7
    told = count(installation, identity_journal)
    assert told >= 1
    keep(installation, journal="20d")
    assert forget_all(installation) == Counter()
    installation.later(days=31)
    assert forget_all(installation, 3) == Counter(counted=7, journal=told)
    installation.later(days=60)
    assert forget_all(installation, 3) == Counter(conflicts=7)
    assert [row.events for row in rows(installation, daily_counts)] == [7]
    assert verify(installation.engine, installation.definitions) == []


def test_everything_at_once_leaves_nothing_that_differs(installation: Installation) -> None:
    crowd(installation, 70)
    keep(installation, **SPANS)
    counted = due(installation.database, installation.clock)
    assert counted.keys() == SPANS.keys()
    forget_all(installation, 50)
    assert verify(installation.engine, installation.definitions) == []
    assert set(due(installation.database, installation.clock).values()) == {0}


def test_absorbing_meanwhile_makes_no_difference(installation: Installation, intake: Intake) -> None:
    """One worker absorbs events of the same people, old and new, while another forgets."""
    crowd(installation, 12)
    keep(installation, events="4d", anonymous="6d")
    old, new = MONDAY, installation.clock.now()
    for number in range(300):
        devices = ("office", "phone", f"reader-{number % 5}", "once")
        intake.put(page("/pricing", devices[number % 4], at=old if number % 3 else new))
    done = threading.Event()

    def work() -> None:
        while again_on_conflict(lambda: intake.absorb(10).read):
            pass
        done.set()

    worker = threading.Thread(target=work)
    worker.start()
    while not done.is_set():
        again_on_conflict(lambda: once(installation, 20))
    worker.join()
    assert verify(installation.engine, installation.definitions) == []
    forget_all(installation)
    assert verify(installation.engine, installation.definitions) == []
    horizon = oldest_kept(timedelta(days=4), new)
    assert rows(installation, events, events.c.occurred_at < horizon) == []


def again_on_conflict(what: Callable[[], Any]) -> Any:
    while True:
        try:
            return what()
        except Conflict:
            continue


def test_the_horizon_is_a_midnight_of_utc() -> None:
    late_in_tokyo = datetime.fromisoformat("2026-03-02T03:00:00+09:00")
    assert oldest_kept(timedelta(days=1), late_in_tokyo) == datetime(2026, 2, 28, tzinfo=UTC)
    assert oldest_kept(timedelta(hours=36), datetime(2026, 3, 2, 9, tzinfo=UTC)) == datetime(2026, 2, 28, tzinfo=UTC)


def test_definitions_come_back_with_their_spans() -> None:
    made = Definitions.model_validate(DEFINITIONS | {"privacy": {"retention": SPANS}})
    assert Definitions.model_validate_json(made.to_json()) == made
    assert isinstance(made.privacy.retention.events, timedelta)

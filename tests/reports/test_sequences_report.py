"""Every figure of the report on sequences equals what plain SQL finds in the log, the runs and the mails."""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Any, Final

import pytest
from redis import Redis
from sqlalchemy import Connection, bindparam, insert, select, text, update

from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.tables import enrollments, messages, pauses
from nurture.adapters.database.tables.columns import Instant
from nurture.domain.enrollment import is_held_out
from nurture.domain.mail.sending import MessageStatus
from nurture.domain.proportions import Counted, compare, newcombe, wilson
from nurture.reports.sequences import build
from nurture.reports.sequences.building import lift_sheet
from nurture.reports.sequences.runs import Arms
from nurture.reports.sheet import Period, Report, local_day
from tests.reports.filled import by, rows, sheet
from tests.support.databases import PostgresDatabases, SqliteFiles
from tests.support.definitions import definitions
from tests.support.events import event, form
from tests.support.installation import BROWSER, CRAWLER, Installation
from tests.support.servers import RedisServer
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock

ZONE: Final = "Europe/Paris"
WELCOME: dict[str, Any] = {
    "sequence": "welcome", "trigger": {"event": "form_submitted"}, "goal": {"event": "demo_requested"}, "holdout": "30%",
    "exit": ["unsubscribed"], "reentry": {"after": "2d"},
    "steps": [
        {"id": "hello", "email": "guide-thanks", "window": "any", "variants": {"plain": {}, "question": {"subject": "Is it you?"}}},
        {"wait": "1d"},
        {"id": "again", "email": "case-study", "window": "any"},
        {"wait": "3d"},
    ],
}  # fmt: skip
NEWS: dict[str, Any] = {
    "sequence": "news", "trigger": {"event": "page_viewed"}, "steps": [{"id": "new", "email": "case-study", "window": "any"}],
}  # fmt: skip
DAYS: Final = 12


def history(installation: Installation, seed: int) -> None:
    """Twelve days of a crowd that comes, clicks, is clicked for by machines, unsubscribes, reaches the goal, and is merged."""
    draw = random.Random(seed)
    installation.apply(definitions(sequences={"welcome": WELCOME, "news": NEWS}))
    known: list[str] = []
    for day in range(DAYS):
        installation.later(days=1)
        at, told = installation.clock.now(), []
        for number in range(9):
            address = f"p{day}-{number}@acme.test"
            told.append(form(address, device=address, at=at - timedelta(minutes=number)))
            known.append(address)
        for address in draw.sample(known, 8):
            told.append(event("page_viewed", at, anonymous_id=address, context={"page": {"path": "/x"}}))
            told.append(form(address, device=address, at=at, again=str(day)))
        for address in draw.sample(known, 3):
            told.append(event("demo_requested", at - timedelta(hours=draw.randint(0, 60)), anonymous_id=address))
            told.append(event("demo_requested", at, anonymous_id=f"phone of {address}"))  # nobody knows yet whose it is
            told.append(event("demo_requested", at, anonymous_id=draw.choice(known), context={"userAgent": CRAWLER}))
        installation.happen(*told)
        installation.work()
        installation.later(hours=6)
        installation.happen(*_made_of_mail(installation, draw))
        installation.work()
    installation.happen(*(
        event("form_submitted", installation.clock.now(), anonymous_id=f"phone of {address}", email=address, source="form:guide",
              properties={"form": "guide"})
        for address in known[::3]
    ))  # fmt: skip
    installation.work()
    _put_aside(installation)


def _made_of_mail(installation: Installation, draw: random.Random) -> Iterator[Any]:
    with installation.engine.connect() as connection:
        mails = connection.execute(select(messages).where(messages.c.sent_at.is_not(None)).order_by(messages.c.id)).all()
    at = installation.clock.now()
    for mail in draw.sample(mails, min(len(mails), 9)):
        for _ in range(draw.randint(1, 2)):
            at += timedelta(minutes=7)
            agent = {"userAgent": draw.choice([BROWSER, BROWSER, CRAWLER])}
            yield event("email_clicked", at, person=mail.person_id, message=mail.id, source="engine", context=agent,
                        properties={"url": "https://www.example.com/x"})  # fmt: skip
    for mail in draw.sample(mails, min(len(mails), 4)):
        what = draw.choice(["email_delivered", "email_delivered", "email_bounced", "email_complained"])
        yield event(what, at, person=mail.person_id, message=mail.id, source="mail:hook")
    for mail in draw.sample(mails, min(len(mails), 1)):
        yield event("unsubscribed", at, person=mail.person_id, message=mail.id, source="engine")
    if draw.random() < 0.2:
        yield event("unsubscribed", at, person=draw.choice(mails).person_id, source="engine")


def _put_aside(installation: Installation) -> None:
    """What a small crowd brings about only by great patience: mails that failed, a paused run, a sequence that is defined no more."""
    with installation.engine.begin() as connection:
        first = connection.scalars(select(messages.c.id).order_by(messages.c.id).limit(3)).all()
        for message, status in zip(first, (MessageStatus.FAILED, MessageStatus.UNCERTAIN, MessageStatus.SKIPPED), strict=True):
            gone = {"status": status, "sent_at": None, "reason": "late" if status is MessageStatus.SKIPPED else None}
            connection.execute(update(messages).where(messages.c.id == message).values(gone))


class Told:
    """What was told, and the report on some of its days."""

    def __init__(self, connection: Connection, installation: Installation, period: Period) -> None:
        self.connection, self.period, self.definitions = connection, period, installation.definitions
        self.report: Report = build(connection, installation.definitions, period, installation.clock.now())

    def ask(self, question: str) -> list[Any]:
        """The rows of a statement as it is written; `:begins` and `:ends` are those of the period."""
        used = [name for name in ("begins", "ends") if f":{name}" in question]
        values = {"begins": self.period.begins, "ends": self.period.ends}
        statement = text(question).bindparams(*(bindparam(name, values[name], type_=Instant) for name in used))
        return list(self.connection.execute(statement))

    def counts(self, question: str) -> Mapping[Any, int]:
        """The last column by the others."""
        return defaultdict(int, {tuple(row[:-1]) if len(row) > 2 else row[0]: int(row[-1]) for row in self.ask(question)})


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def past(
    request: pytest.FixtureRequest, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """The history, told once on each kind of database; the tests only read."""
    if request.param == "sqlite":
        files: SqliteFiles = request.getfixturevalue("_sqlite_files")
        url = files.copy_to(tmp_path_factory.mktemp("past") / "nurture.db")
    else:
        databases: PostgresDatabases = request.getfixturevalue("_postgres_databases")
        url = databases.copy()
    redis_server.flush()
    engine = make_engine(url)
    with SmtpSink() as sink:
        installation = Installation(engine, Redis.from_url(redis_server.url), MovableClock(), sink)
        history(installation, seed=7)
        yield installation
    engine.dispose()


@pytest.fixture(params=["everything", "some days"])
def told(request: pytest.FixtureRequest, past: Installation) -> Iterator[Told]:
    installation = past
    last = local_day(installation.clock.now(), ZONE)
    period = Period(first=last - 30, last=last, timezone=ZONE) if request.param == "everything" else Period(
        first=last - 10, last=last - 4, timezone=ZONE
    )  # fmt: skip
    with installation.engine.connect() as connection:
        yield Told(connection, installation, period)


ENTERED: Final = "entered_at >= :begins AND entered_at < :ends"
SENT: Final = "m.sent_at >= :begins AND m.sent_at < :ends AND m.status IN ('sent', 'delivered', 'bounced', 'complained')"
MAILS: Final = "messages m JOIN enrollments r ON r.id = m.enrollment_id"
OF_STEP: Final = "GROUP BY r.sequence, m.step"
MESSAGE: Final = "CAST(e.body ->> 'message' AS bigint) = m.id"
#: What each run's person did after entering, by whatever device, if they were human.
GOALS: Final = (
    "goals AS (SELECT r.id, MIN(e.occurred_at) AS at FROM enrollments r JOIN people p ON p.id = r.person_id "
    "JOIN people q ON COALESCE(q.merged_into, q.id) = COALESCE(p.merged_into, p.id) JOIN events e ON e.person_id = q.id "
    "WHERE e.name = 'demo_requested' AND e.verdict = 'human' AND e.occurred_at > r.entered_at AND r.sequence = 'welcome' "
    "GROUP BY r.id)"
)


def test_there_is_something_of_everything(told: Told) -> None:
    """Or the other tests would show little."""
    totals = [
        sum(int(row[name] or 0) for row in rows(told.report, "sequences")) for name in ("goals", "held_out", "machine_clicks")
    ]
    totals += [
        sum(int(row[name] or 0) for row in rows(told.report, "steps")) for name in ("delivered", "clicked", "unsubscribed")
    ]
    assert min(totals) > 0, totals
    assert told.ask("SELECT COUNT(*) FROM people WHERE merged_into IS NOT NULL")[0][0] > 5


@pytest.mark.parametrize(
    ("name", "which"), [("entered", "reason IS DISTINCT FROM 'held_out'"), ("held_out", "reason = 'held_out'")]
)
def test_who_entered(told: Told, name: str, which: str) -> None:
    expected = told.counts(f"SELECT sequence, COUNT(*) FROM enrollments WHERE {ENTERED} AND {which} GROUP BY sequence")
    assert {sequence: row[name] for sequence, row in by(told.report, "sequences", "sequence").items()} == {
        sequence: expected[sequence] for sequence in ("welcome", "news")
    }


def test_who_is_on_it_and_where(told: Told) -> None:
    live = "status IN ('active', 'waiting', 'paused')"
    expected = told.counts(f"SELECT sequence, COUNT(*) FROM enrollments WHERE {live} GROUP BY sequence")
    assert {sequence: row["on_it"] for sequence, row in by(told.report, "sequences", "sequence").items()} == {
        sequence: expected[sequence] for sequence in ("welcome", "news")
    }
    steps = told.counts(f"SELECT sequence, step, COUNT(*) FROM enrollments WHERE {live} GROUP BY sequence, step")
    assert {(row["sequence"], row["step"]): row["standing"] for row in rows(told.report, "steps") if row["standing"]} == dict(
        steps
    )


def test_who_reached_the_goal(told: Told) -> None:
    [[goals]] = told.ask(
        f"WITH {GOALS} SELECT COUNT(*) FROM enrollments r JOIN goals g ON g.id = r.id "
        f"WHERE {ENTERED} AND reason IS DISTINCT FROM 'held_out'"
    )
    welcome = by(told.report, "sequences", "sequence")["welcome"]
    assert welcome["goals"] == goals
    assert welcome["goal_rate"] == goals / float(welcome["entered"] or 0)
    assert by(told.report, "sequences", "sequence")["news"]["goals"] == 0


def test_the_time_to_the_goal(told: Told) -> None:
    found = told.ask(
        f"WITH {GOALS} SELECT r.entered_at, g.at FROM enrollments r JOIN goals g ON g.id = r.id "
        f"WHERE {ENTERED} AND reason IS DISTINCT FROM 'held_out'"
    )
    days = [(_instant(at) - _instant(entered)).total_seconds() / 86_400 for entered, at in found]
    welcome = by(told.report, "sequences", "sequence")["welcome"]
    told_days = [welcome[name] for name in ("goal_quarter", "goal_half", "goal_three_quarters")]
    assert told_days == pytest.approx(quantiles(days, n=4, method="inclusive"))


def _instant(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("sent", f"SELECT r.sequence, m.step, COUNT(*) FROM {MAILS} WHERE {SENT} {OF_STEP}"),
        ("delivered", f"SELECT r.sequence, m.step, COUNT(*) FROM {MAILS} WHERE {SENT} AND m.status IN ('delivered', 'complained') {OF_STEP}"),
        ("bounced", f"SELECT r.sequence, m.step, COUNT(*) FROM {MAILS} WHERE {SENT} AND m.status = 'bounced' {OF_STEP}"),
        ("complained", f"SELECT r.sequence, m.step, COUNT(*) FROM {MAILS} WHERE {SENT} AND m.status = 'complained' {OF_STEP}"),
        (
            "clicked",
            (f"SELECT r.sequence, m.step, COUNT(*) FROM {MAILS} WHERE {SENT} AND EXISTS (SELECT 1 FROM events e "
            f"WHERE {MESSAGE} AND e.name = 'email_clicked' AND e.verdict = 'human') {OF_STEP}"),
        ),
        (
            "machine_clicks",
            (f"SELECT r.sequence, m.step, COUNT(*) FROM {MAILS} JOIN events e ON {MESSAGE} WHERE {SENT} "
            f"AND e.name = 'email_clicked' AND e.verdict = 'machine' {OF_STEP}"),
        ),
        (
            "unsubscribed",
            (f"SELECT r.sequence, m.step, COUNT(DISTINCT m.id) FROM {MAILS} JOIN events e ON {MESSAGE} WHERE {SENT} "
            f"AND e.name = 'unsubscribed' {OF_STEP}"),
        ),
    ],
)  # fmt: skip
def test_what_became_of_mails(told: Told, name: str, question: str) -> None:
    expected = told.counts(question)
    found = {(row["sequence"], row["step"]): row[name] for row in rows(told.report, "steps") if row["sent"] is not None}
    assert found == {where: expected[where] for where in (("welcome", "hello"), ("welcome", "again"), ("news", "new"))}
    if name in ("sent", "delivered", "clicked", "machine_clicks", "unsubscribed"):
        whole = {sequence: row[name] for sequence, row in by(told.report, "sequences", "sequence").items()}
        assert whole == {
            sequence: sum(n for (of, _), n in expected.items() if of == sequence) for sequence in ("welcome", "news")
        }


def test_rates_are_of_mails_sent(told: Told) -> None:
    for name in ("sequences", "steps"):
        for row in rows(told.report, name):
            if row["sent"]:
                assert row["click_rate"] == float(row["clicked"] or 0) / float(row["sent"])
    for row in rows(told.report, "steps"):
        if row["sent"]:
            assert row["unsubscribe_rate"] == float(row["unsubscribed"] or 0) / float(row["sent"])


def test_unsubscribes_of_no_known_mail(told: Told) -> None:
    [[expected]] = told.ask(
        "SELECT COUNT(*) FROM events WHERE name = 'unsubscribed' AND body ->> 'message' IS NULL "
        "AND occurred_at >= :begins AND occurred_at < :ends"
    )
    remarks = {remark.code: remark.values for remark in sheet(told.report, "sequences").remarks}
    assert remarks.get("unsubscribed_of_no_mail", {"n": 0}) == {"n": expected}


def test_how_runs_ended(told: Told) -> None:
    expected = told.counts(
        f"SELECT sequence, status, reason, COUNT(*) FROM enrollments WHERE {ENTERED} AND ended_at IS NOT NULL "
        "GROUP BY sequence, status, reason"
    )
    found = {(row["sequence"], row["status"], row["reason"]): row["runs"] for row in rows(told.report, "exits")}
    assert found == dict(expected)
    assert ("welcome", "exited", "held_out") in found


def test_what_did_not_go(told: Told) -> None:
    expected = told.counts(
        f"SELECT r.sequence, m.step, m.status, COALESCE(m.reason, 'no_reason'), COUNT(*) FROM {MAILS} "
        "WHERE m.planned_at >= :begins AND m.planned_at < :ends AND m.status NOT IN "
        "('queued', 'sending', 'sent', 'delivered', 'bounced', 'complained') GROUP BY r.sequence, m.step, m.status, m.reason"
    )
    found = {(row["sequence"], row["step"], row["status"], row["reason"]): row["mails"] for row in rows(told.report, "unsent")}
    assert found == dict(expected)


def verdict_of(variant: Any, rates: Mapping[Any, Counted]) -> str | None:
    found = compare(rates)
    if not found.significant:
        return "open"
    return "best" if variant == found.best else None


def test_variants(told: Told) -> None:
    sent = told.counts(f"SELECT m.variant, COUNT(*) FROM {MAILS} WHERE {SENT} AND m.step = 'hello' GROUP BY m.variant")
    clicked = told.counts(
        f"SELECT m.variant, COUNT(DISTINCT m.id) FROM {MAILS} JOIN events e ON {MESSAGE} WHERE {SENT} AND m.step = 'hello' "
        "AND e.name = 'email_clicked' AND e.verdict = 'human' GROUP BY m.variant"
    )
    reached = told.counts(
        f"SELECT m.variant, COUNT(*) FROM {MAILS} WHERE {SENT} AND m.step = 'hello' AND r.status = 'completed' "
        "AND r.reason <> 'end' AND r.ended_at > m.sent_at GROUP BY m.variant"
    )
    for row in rows(told.report, "variants"):
        variant = row["variant"]
        assert (row["sent"], row["clicked"], row["goals"]) == (sent[variant], clicked[variant], reached[variant])
        low, high = wilson(Counted(clicked[variant], sent[variant]))
        assert (row["click_low"], row["click_high"]) == (low, high)
        for verdict, successes in (("click_verdict", clicked), ("goal_verdict", reached)):
            assert row[verdict] == verdict_of(variant, {name: Counted(successes[name], n) for name, n in sent.items()})
    assert {row["variant"] for row in rows(told.report, "variants")} == {"plain", "question"}


def test_the_lift(told: Told) -> None:
    """By the draw itself: who is held out follows from the person, not from what was stored of them."""
    plan = told.definitions.sequences["welcome"]
    first = told.ask(
        f"WITH {GOALS} SELECT r.person_id, r.reason, g.at IS NOT NULL FROM enrollments r LEFT JOIN goals g ON g.id = r.id "
        f"WHERE {ENTERED} AND r.sequence = 'welcome' AND r.entered_at = (SELECT MIN(o.entered_at) FROM enrollments o "
        "WHERE o.person_id = r.person_id AND o.sequence = r.sequence) AND NOT EXISTS (SELECT 1 FROM enrollments o "
        "WHERE o.person_id = r.person_id AND o.sequence = r.sequence AND (o.reason IS NOT DISTINCT FROM 'held_out') "
        "<> (r.reason IS NOT DISTINCT FROM 'held_out'))"
    )
    out = [bool(goal) for person, _, goal in first if is_held_out(plan, person)]
    mailed = [bool(goal) for person, _, goal in first if not is_held_out(plan, person)]
    [row] = rows(told.report, "lift")
    assert (row["sequence"], row["mailed"], row["mailed_goals"]) == ("welcome", len(mailed), sum(mailed))
    assert (row["held_out"], row["held_out_goals"]) == (len(out), sum(out))
    assert row["lift"] == pytest.approx(sum(mailed) / len(mailed) - sum(out) / len(out))
    assert (row["lift_low"], row["lift_high"]) == newcombe(Counted(sum(mailed), len(mailed)), Counted(sum(out), len(out)))


def test_where_nothing_is_reported_nobody_knows_what_arrived(installation: Installation) -> None:
    installation.apply(definitions(sequences={"news": NEWS}))
    installation.happen(form("ana@acme.test"), event("page_viewed", anonymous_id="device-1", context={"page": {"path": "/x"}}))
    installation.work()
    today = local_day(installation.clock.now(), ZONE)
    with installation.engine.connect() as connection:
        found = build(connection, installation.definitions, Period(first=today, last=today), installation.clock.now())
    [row] = rows(found, "sequences")
    assert (row["sent"], row["delivered"]) == (1, None)
    assert [remark.code for remark in sheet(found, "sequences").remarks] == ["nothing_reported"]


@pytest.mark.parametrize(
    ("mailed", "held_out", "verdict"),
    [((120, 1_000), (60, 1_000), "more"), ((60, 1_000), (120, 1_000), "fewer"), ((60, 1_000), (62, 1_000), "open"),
     ((6, 20), (0, 3), "too_few"), ((0, 0), (3, 9), "too_few")],
)  # fmt: skip
def test_no_verdict_that_the_numbers_do_not_carry(mailed: tuple[int, int], held_out: tuple[int, int], verdict: str) -> None:
    found = lift_sheet({"s": Arms(Counted(*mailed), Counted(*held_out))}, sorted)
    assert found.rows[0][-1] == verdict


def test_runs_of_a_paused_sequence_are_seen(installation: Installation) -> None:
    installation.apply(definitions(sequences={"welcome": {**WELCOME, "holdout": None}}))
    with installation.engine.begin() as connection:
        connection.execute(insert(pauses).values(sequence="welcome", at=installation.clock.now()))
    installation.happen(form("ana@acme.test"))
    today = local_day(installation.clock.now(), ZONE)
    with installation.engine.connect() as connection:
        assert connection.scalar(select(enrollments.c.status)) == "paused"
        found = build(connection, installation.definitions, Period(first=today, last=today), installation.clock.now())
    assert [row["on_it"] for row in rows(found, "sequences")] == [1]

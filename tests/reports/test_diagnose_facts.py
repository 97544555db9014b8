"""Every fact that the rules of diagnose ask about equals what plain SQL over the log tells, on a business that the engine lived through:
with merged people, machines, late events, bounced mails, calls that fail and leads that nobody answered.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Connection, bindparam, text

from nurture.adapters.agents import kind_of_agent
from nurture.adapters.database.census import store_census
from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables.columns import Instant
from nurture.demo.plants.business import Business, Half
from nurture.demo.plants.growing import FIRST_DAY, grow
from nurture.demo.plants.people import HALF, Someone, page, taking
from nurture.domain.definitions import Definitions
from nurture.domain.diagnosing.facts import Change, Fact, Names, Number, Pace, Share
from nurture.domain.diagnosing.judging import Cases
from nurture.domain.diagnosing.vocabulary import FACTS
from nurture.flow.absorb import store_batch
from nurture.flow.recount import recount
from nurture.reports.census import CountingEverybody
from nurture.reports.diagnose.cases import cases_of
from nurture.reports.diagnose.looking import Look
from nurture.reports.reading import snapshot
from nurture.reports.sheet import Period
from tests.reports.history import ask
from tests.support.databases import SqliteFiles
from tests.support.installation import CRAWLER
from tests.support.waiting import MovableClock

BUSINESS = Business(
    before=Half(visitors=130, sees_an_offer=0.6), now=Half(visitors=170, sees_an_offer=0.7), sleepers=12, bounces=0.1, unsubscribes=0.1,
    scanned=0.5, crm_answers=500, answers=0.6, raises_hand=0.5, interested=0.6,
)  # fmt: skip

IN = "at >= :begins AND at < :ends"
PATH = "body -> 'context' -> 'page' ->> 'path'"
HERE = "name IN ('page_viewed', 'page_engaged', 'form_submitted', 'asset_downloaded', 'email_clicked')"


class Told(NamedTuple):
    connection: Connection
    period: Period
    cases: Cases

    def ask(self, question: str, period: Period | None = None) -> Any:
        return ask(self.connection, question, period or self.period)

    def one(self, question: str, period: Period | None = None) -> int:
        [[value]] = self.ask(question, period)
        return int(value or 0)

    def counts(self, question: str, period: Period | None = None) -> dict[str, int]:
        return {str(key): int(n) for key, n in self.ask(question, period)}

    @property
    def whole(self) -> Mapping[str, Fact]:
        return self.cases["business"][0].facts

    def of(self, subject: Any) -> dict[str, Mapping[str, Fact]]:
        return {case.name: case.facts for case in self.cases[subject]}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    if request.param == "sqlite":
        files: SqliteFiles = request.getfixturevalue("_sqlite_files")
        url = files.copy_to(Path(tmp_path_factory.mktemp("facts")) / "nurture.db")
    else:
        url = request.getfixturevalue("_postgres_databases").copy()
    engine = make_engine(url)
    definitions, period = grow(engine, BUSINESS, 3)
    happen_besides(Database(engine), period)
    with snapshot(engine) as connection:
        yield Told(connection, period, cases_of(Look(connection, definitions, period, period.ends)))
    engine.dispose()


def happen_besides(database: Database, period: Period) -> None:
    """What no crowd does: machines, somebody on two devices, and what is heard of long after it happened."""
    clock = MovableClock(period.ends)
    begins = FIRST_DAY + timedelta(days=HALF)
    phone, laptop = (Someone(9_000 + n, f"device-{n}", "two@company.example", fits=True, ready=False) for n in range(2))
    crawled = page(phone, "/pricing", begins + timedelta(days=3)).model_copy(
        update={"anonymous_id": "crawler", "message_id": "crawl", "context": {"page": {"path": "/pricing"}, "userAgent": CRAWLER}}
    )
    late = [
        page(phone, "/blog/who-buys", begins + timedelta(days=1), "https://www.google.com/"),
        page(laptop, "/blog/free-or-gated", begins + timedelta(days=2), "https://www.linkedin.com/"),
        page(laptop, "/blog/who-buys", begins - timedelta(days=5)),
    ]
    store_batch(database, [crawled, *late], kind_of_agent, clock.now())
    store_batch(database, [*taking(phone, "guide", begins + timedelta(days=4), ["job_title"])], kind_of_agent, clock.now())
    store_batch(database, [*taking(laptop, "checklist", begins + timedelta(days=6), ["company"])], kind_of_agent, clock.now())
    while recount(database, clock).due:
        pass


def parts(fact: Fact) -> tuple[float, ...]:
    """What a fact was counted from."""
    match fact:
        case Number(value):
            return (float(value or 0),)
        case Share(part, whole):
            return (part, whole)
        case Change(one, other):
            return (*one, *other)
        case Pace(one, per, other, other_per):
            return (one, per, other, other_per)
        case Names(names):
            return (len(names),)
    raise AssertionError(fact)


def same(found: Mapping[str, Fact], **expected: Any) -> None:
    for name, value in expected.items():
        assert parts(found[name]) == (value if isinstance(value, tuple) else (value,)), name


def test_visitors_and_how_many_are_new(told: Told) -> None:
    def came(period: Period) -> tuple[int, int]:
        seen = f"SELECT root, MIN(at) AS first, SUM(CASE WHEN {IN} THEN 1 ELSE 0 END) AS n FROM acts WHERE {HERE} GROUP BY root"
        [[visitors, new]] = told.ask(
            f"SELECT COUNT(*), SUM(CASE WHEN first >= :begins THEN 1 ELSE 0 END) FROM ({seen}) s WHERE n > 0", period
        )
        return int(visitors), int(new)

    (visitors, new), (visitors_before, new_before) = came(told.period), came(told.period.before)
    assert 0 < new < visitors
    same(told.whole, visitors=visitors, newcomers=(new, visitors), newcomers_change=(new, visitors, new_before, visitors_before))


def test_visits_and_those_that_come_for_the_name(told: Told) -> None:
    visits, before = (told.one(f"SELECT COUNT(*) FROM acts WHERE {IN} AND channel IS NOT NULL", p) for p in both(told))
    aware, aware_before = (told.one(f"SELECT COUNT(*) FROM acts WHERE {IN} AND channel = 'direct'", p) for p in both(told))
    same(told.whole, visits=visits, visits_before=before, visits_pace=(visits, HALF, before, HALF))
    same(told.whole, awareness=(aware, visits), awareness_change=(aware, visits, aware_before, before))


def both(told: Told) -> tuple[Period, Period]:
    return told.period, told.period.before


def test_contacts_away_and_silenced(told: Told) -> None:
    known = "FROM people WHERE merged_into IS NULL AND email IS NOT NULL"
    contacts = told.one(f"SELECT COUNT(*) {known}")
    sixty_days = told.period.model_copy(update={"first": told.period.last - 59})
    away = told.one(f"SELECT COUNT(*) {known} AND seen_at < :begins AND seen_at < :ends", sixty_days)
    silenced = told.one("SELECT COUNT(*) FROM suppressions WHERE scope = 'all'")
    assert away > 0
    assert silenced > 0
    same(told.whole, contacts=contacts, contacts_away=(away, contacts), contacts_suppressed=(silenced, contacts))


VIEWS = f"SELECT {PATH}, COUNT(*) FROM acts WHERE {IN} AND name = 'page_viewed' GROUP BY 1"
LANDED = f"SELECT DISTINCT body -> 'properties' ->> 'form', {PATH} FROM acts WHERE name = 'form_submitted'"


def test_what_is_read_and_what_is_offered(told: Told) -> None:
    views = told.counts(VIEWS)
    offers = {page for _, page in told.ask(LANDED)}
    reached, whole = sum(n for path, n in views.items() if path in offers), sum(views.values())
    same(told.whole, views=whole, offers=len(offers))
    assert told.whole["offers_reached"].value == pytest.approx(reached / whole)
    reading = sorted((path for path in views if path not in offers), key=lambda path: (-views[path], path))
    assert told.whole["top_pages"] == Names(tuple(reading[:3]))
    assisted = told.counts(
        f"SELECT v.path, COUNT(DISTINCT m.root) FROM milestones m JOIN (SELECT root, at, {PATH} AS path FROM acts "
        f"WHERE name = 'page_viewed') v ON v.root = m.root AND v.at <= m.at WHERE m.stage = 'lead' AND m.{IN.replace('AND at', 'AND m.at')} GROUP BY v.path"
    )
    rest, leads = sum(views[path] for path in reading), sum(assisted.get(path, 0) for path in reading)
    for path, facts in told.of("page").items():
        here, brought = views[path], assisted.get(path, 0)
        same(facts, page_views=here, page_share=(here, rest), page_leads=brought)
        same(facts, page_leads_for_views=(brought, here, leads - brought, rest - here))


BECAME = f"""SELECT m.stage, COUNT(*) FROM milestones m JOIN milestones l ON l.root = m.root AND l.stage = 'lead'
    WHERE l.{IN.replace("AND at", "AND l.at")} GROUP BY m.stage"""


def test_leads_and_how_far_they_get(told: Told) -> None:
    became = told.counts(BECAME)
    visitors = parts(told.whole["visitors"])[0]
    same(told.whole, leads=became["lead"], lead_rate=(became["lead"], visitors), leads_qualified=(became["mql"], became["lead"]))
    called = told.one(f"SELECT COUNT(*) FROM milestones WHERE stage = 'sql' AND {IN}")
    past = told.one(
        f"SELECT COUNT(DISTINCT COALESCE(p.merged_into, p.id)) FROM stage_changes c JOIN people p ON p.id = c.person_id "
        f"WHERE {IN} AND from_stage IN ('audience', 'lead') AND to_stage IN ('sql', 'opportunity', 'customer')"
    )
    assert past > 0
    same(told.whole, sales_leads=called, past_threshold=(past, called))


def test_who_new_leads_are(told: Told) -> None:
    new = f"SELECT DISTINCT root FROM milestones WHERE stage = 'lead' AND {IN}"
    [[leads, poor, unknown, nurtured]] = told.ask(
        "SELECT COUNT(*), SUM(CASE WHEN p.grade = 'D' AND p.fit <> 0 THEN 1 ELSE 0 END), SUM(CASE WHEN p.fit = 0 THEN 1 ELSE 0 END), "
        f"SUM(CASE WHEN p.id IN (SELECT person_id FROM enrollments) THEN 1 ELSE 0 END) FROM people p WHERE p.id IN ({new})"
    )
    assert poor
    same(told.whole, poor_fit=(poor, leads), fit_unknown=(unknown, leads), leads_nurtured=(nurtured, leads))


def test_mail(told: Told) -> None:
    mails = told.counts(
        "SELECT status, COUNT(*) FROM messages WHERE planned_at >= :begins AND planned_at < :ends GROUP BY status"
    )
    left = sum(mails.get(status, 0) for status in ("sent", "delivered", "bounced", "complained"))
    clicks = {
        verdict: told.one(
            f"SELECT COUNT(*) FROM events WHERE occurred_at >= :begins AND occurred_at < :ends AND name = 'email_clicked' AND verdict = '{verdict}'"
        )
        for verdict in ("human", "machine")
    }
    both_of_them = sum(clicks.values())
    assert mails["bounced"] > 0
    assert min(clicks.values()) > 0
    same(
        told.whole, mails=left, mails_bounced=(mails["bounced"], left), mails_clicked=(clicks["human"], left), clicks=both_of_them
    )
    same(told.whole, machine_clicks=(clicks["machine"], both_of_them))
    same(told.whole, mails_held_back=(mails.get("skipped", 0), mails.get("skipped", 0) + left))


def test_sequences(told: Told) -> None:
    [facts] = told.of("sequence").values()
    entered = told.one("SELECT COUNT(DISTINCT person_id) FROM enrollments WHERE entered_at >= :begins AND entered_at < :ends")
    ended = told.counts("SELECT reason, COUNT(*) FROM enrollments WHERE ended_at >= :begins AND ended_at < :ends GROUP BY reason")
    left, whole = parts(told.whole["mails"])[0], sum(ended.values())
    goals = sum(n for reason, n in ended.items() if reason.startswith("goal: "))
    gone = sum(n for reason, n in ended.items() if "unsubscribed" in reason)
    assert goals > 0
    assert gone > 0
    same(facts, sequence_entered=entered, sequence_ended=whole, sequence_goals=(goals, whole), sequence_mails=left)
    same(facts, sequence_share=(left, left), sequence_unsubscribed=(gone, left), sequence_complained=(0, left))


def test_forms(told: Told) -> None:
    views = told.counts(VIEWS)
    submits, before = (
        told.counts(
            f"SELECT body -> 'properties' ->> 'form', COUNT(*) FROM acts WHERE {IN} AND name = 'form_submitted' GROUP BY 1", p
        )
        for p in both(told)
    )
    pages: dict[str, str] = dict(told.ask(LANDED))
    offered = sum(views.get(path, 0) for path in {*pages.values()})
    leads, qualified = (
        told.counts(
            f"SELECT m.asset, COUNT(*) FROM milestones m WHERE m.stage = 'lead' AND {IN} "
            f"AND m.root IN (SELECT root FROM milestones WHERE stage = '{stage}') GROUP BY m.asset"
        )
        for stage in ("lead", "mql")
    )
    for name, facts in told.of("form").items():
        seen, sent = views.get(pages[name], 0), submits.get(name, 0)
        same(
            facts,
            form_views=seen,
            form_submits=sent,
            form_taken=(min(sent, seen), seen),
            form_pages=1,
            form_share=(seen, offered),
        )
        same(facts, form_submits_before=before.get(name, 0), form_submits_pace=(sent, HALF, before.get(name, 0), HALF))
        same(facts, form_required=1, form_fit_fields=2)
        if name != "demo-request":  # each of the others stands before the asset of its name
            same(facts, form_leads=leads.get(name, 0), form_qualified=(qualified.get(name, 0), leads.get(name, 0)))
    downloads = told.counts(
        f"SELECT body -> 'properties' ->> 'asset', COUNT(*) FROM acts WHERE {IN} AND name = 'asset_downloaded' GROUP BY 1"
    )
    for name, facts in told.of("asset").items():
        same(facts, asset_downloads=downloads.get(name, 0), asset_gated=1)


def test_channels(told: Told) -> None:
    visits = told.counts(f"SELECT channel, COUNT(*) FROM acts WHERE {IN} AND channel IS NOT NULL GROUP BY channel")
    leads, qualified = (
        told.counts(
            f"SELECT COALESCE((SELECT a.channel FROM acts a WHERE a.root = m.root AND a.at <= m.at AND a.channel IS NOT NULL "
            f"ORDER BY CASE a.channel WHEN 'direct' THEN 1 ELSE 0 END, a.at DESC LIMIT 1), 'unassigned'), COUNT(*) FROM milestones m "
            f"WHERE m.stage = 'lead' AND {IN} AND m.root IN (SELECT root FROM milestones WHERE stage = '{stage}') GROUP BY 1"
        )
        for stage in ("lead", "mql")
    )
    everybody, good = sum(leads.values()), sum(qualified.values())
    cost = {name: amount / 2 for name, amount in BUSINESS.spend.items()}  # for two halves of equal length
    spent, paid = sum(cost.values()), sum(leads.get(name, 0) for name in cost)
    assert told.of("channel").keys() == visits.keys() | leads.keys() | cost.keys()
    for name, facts in told.of("channel").items():
        mine, well, money = leads.get(name, 0), qualified.get(name, 0), cost.get(name, 0)
        same(facts, channel_visits=visits.get(name, 0), channel_leads=mine, channel_share_of_leads=(mine, everybody))
        same(facts, channel_qualified=(well, mine), channel_qualified_beside_others=(well, mine, good - well, everybody - mine))
        same(facts, channel_spend=money, channel_share_of_spend=(money, spent))
        same(facts, channel_leads_for_spend=(mine, money, paid - mine, spent - money) if money else (0, 0, 0, spent))


def test_the_hand_off(told: Told) -> None:
    day_before = told.period.model_copy(update={"last": told.period.last - 1})
    awaited = "FROM follow_ups WHERE since >= :begins AND since < :ends AND (answer IS NULL OR answer IN ('accepted', 'rejected', 'won', 'lost'))"
    whole, answered = (
        told.one(f"SELECT COUNT(*) {awaited}", day_before),
        told.one(f"SELECT COUNT(answered_at) {awaited}", day_before),
    )
    assert 0 < answered < whole
    same(told.whole, follow_ups=whole, follow_ups_answered=(answered, whole))
    spans = text(f"SELECT since, answered_at {awaited} AND answered_at IS NOT NULL")
    spans = spans.bindparams(bindparam("begins", day_before.begins, Instant), bindparam("ends", day_before.ends, Instant))
    waited = told.connection.execute(spans.columns(since=Instant, answered_at=Instant)).all()
    in_time = sum(ended - since <= timedelta(days=1) for since, ended in waited)
    assert 0 < in_time < answered
    same(told.whole, answered_in_time=(in_time, answered))
    of_crm = "FROM deliveries d JOIN stage_changes c ON c.id = d.stage_change_id WHERE c.at >= :begins AND c.at < :ends"
    calls, lost = (told.one(f"SELECT COUNT(*) {of_crm}{more}", day_before) for more in ("", " AND d.status <> 'delivered'"))
    assert lost > 0
    same(told.of("endpoint")["crm"], endpoint_deliveries=calls, endpoint_failed=(lost, calls))


def test_what_became_of_those_promoted_by_points(told: Told) -> None:
    up = f"SELECT person_id, id, at FROM stage_changes WHERE rule = 'hot' AND {IN}"
    later = f"SELECT DISTINCT u.person_id FROM ({up}) u JOIN stage_changes c ON c.person_id = u.person_id AND c.at >= u.at AND c.id <> u.id"
    promoted = told.one(f"SELECT COUNT(DISTINCT person_id) FROM ({up}) u")
    rejected = told.one(f"SELECT COUNT(*) FROM ({later} WHERE c.rule = 'not-now') r")
    decided = told.one(
        f"SELECT COUNT(*) FROM ({later} WHERE c.rule = 'not-now' OR c.to_stage IN ('sql', 'opportunity', 'customer')) r"
    )
    same(told.of("promotion")["hot"], promotion_people=promoted, promotion_share=(promoted, promoted), promotion_decided=decided)
    same(told.of("promotion")["hot"], promotion_rejected=(rejected, decided))


def test_every_fact_of_the_vocabulary_is_told_and_no_other(told: Told) -> None:
    for subject, facts in FACTS.items():
        for case in told.cases[subject]:
            assert {*case.facts} == {*FACTS["business"], *facts}, subject


def test_a_census_tells_the_same_of_any_days(told: Told) -> None:
    at, period, zone = told.period.ends, told.period, told.period.timezone
    spans = [(-HALF, HALF - 1), (0, HALF - 1), (0, 0), (3, 9), (-5, 20)]
    some = [Period(first=period.first + first, last=period.first + last, timezone=zone) for first, last in spans]
    with told.connection.engine.connect() as connection:
        definitions = Releases().current(connection)
        asked = [cases_of(Look(connection, definitions, each, at)) for each in some]
        store_census(connection, CountingEverybody(connection, Releases()).answers(definitions, at), definitions, at)
        looks = [Look(connection, definitions, each, at) for each in some]
        assert [cases_of(look) for look in looks] == asked
        assert all(look.everybody.remarks for look in looks)
        connection.rollback()


def test_an_installation_without_anything_tells_nothing(sqlite_url: str) -> None:
    engine = make_engine(sqlite_url)
    definitions = Definitions.model_validate({"scoring": {}, "lifecycle": {}, "sending": _SENDING})
    nowhere = Period(first=20_000, last=20_027)
    with snapshot(engine) as connection:
        cases = cases_of(Look(connection, definitions, nowhere, nowhere.ends))
    assert {name for name, fact in cases["business"][0].facts.items() if fact.value} == set()
    engine.dispose()


_SENDING = {
    "sender": {"name": "A", "email": "a@example.com"},
    "organisation": {"name": "A", "address": "A", "privacy_url": "https://www.example.com/p"},
}

"""What people add by the stages they reached, while it turns out who they are, what they did before, and what is no longer kept."""

from collections import Counter
from datetime import timedelta

import pytest
from redis import Redis
from sqlalchemy import delete, select

from nurture.adapters.database.bulk import put_rows
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import contributions, events, horizons, rollups
from nurture.domain.measuring.figures import WHOLE
from nurture.domain.model import LONGEST_SLUG
from nurture.flow.cool import cool
from nurture.flow.merge import merge, unmerge
from nurture.flow.recount import recount
from nurture.reports.verify import audit
from tests.reports.history import Teller, business
from tests.support.definitions import definitions
from tests.support.events import MONDAY
from tests.support.installation import Installation
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock

ANA, BEN = "ana@acme.test", "ben@acme.test"
GOOGLE, PARTNER = "https://www.google.com/", "https://www.partner.example/"


@pytest.fixture
def installation(database: Database, redis: Redis, clock: MovableClock, smtp_sink: SmtpSink) -> Installation:
    made = Installation(database.engine, redis, clock, smtp_sink)
    made.apply(business())
    return made


@pytest.fixture
def tell() -> Teller:
    return Teller()


def counted(installation: Installation, figure: str) -> dict[str, int]:
    """A figure by its keys, on all days together."""
    sums: Counter[str] = Counter()
    with installation.engine.connect() as connection:
        for row in connection.execute(select(rollups).where(rollups.c.figure == figure)):
            sums[row.key] += row.n
    return {key: n for key, n in sums.items() if n}


def days(installation: Installation, figure: str) -> set[int]:
    with installation.engine.connect() as connection:
        return {row.day for row in connection.execute(select(rollups).where(rollups.c.figure == figure)) if row.n}


def nothing_differs(installation: Installation) -> None:
    found = audit(installation.engine, installation.definitions)
    assert not found.differing, found.differences


def test_two_leads_that_are_one_human_are_one_lead_until_they_are_parted(
    installation: Installation, tell: Teller, clock: MovableClock
) -> None:
    installation.happen(
        tell.visit(0, "a", "/blog/a", referrer=GOOGLE), tell.post(0.1, ANA, "a"), tell.download(0.2, ANA),
        tell.visit(3, "b", "/blog/b", referrer=PARTNER), tell.post(3.1, BEN, "b", "webinar"), tell.download(3.2, BEN, "webinar"),
    )  # fmt: skip
    apart = {figure: counted(installation, figure) for figure in ("reached:lead", "became-by-form:lead", "credit:first:lead")}
    assert apart["reached:lead"] == {"": 2}
    ana, ben = installation.person(ANA).id, installation.person(BEN).id
    joined = merge(installation.database, clock, ben, ana, "operator", "they told us")
    assert counted(installation, "reached:lead") == {"": 1}
    assert counted(installation, "became-by-form:lead") == {"guide": 1}
    assert counted(installation, "credit:first:lead") == {"organic-search": WHOLE}
    nothing_differs(installation)
    with installation.engine.connect() as connection:
        assert list(connection.scalars(select(contributions.c.person_id))) == [ana]
        entry = connection.exec_driver_sql("SELECT id FROM identity_journal WHERE action = 'merged'").scalar_one()
    assert joined.other == ben
    unmerge(installation.database, clock, entry, "operator")
    assert {figure: counted(installation, figure) for figure in apart} == apart
    nothing_differs(installation)


def test_a_visit_that_is_heard_of_late_is_credited_on_the_day_of_the_stage(installation: Installation, tell: Teller) -> None:
    installation.happen(tell.visit(5, "a", "/blog/a", referrer=GOOGLE), tell.post(5.1, ANA, "a"), tell.download(5.2, ANA))
    on = days(installation, "credit:linear:lead")
    assert counted(installation, "credit:linear:lead") == {"organic-search": WHOLE}
    installation.happen(tell.visit(2, "a", "/blog/late", referrer=PARTNER))
    assert counted(installation, "credit:linear:lead") == {"organic-search": WHOLE // 2, "referral": WHOLE // 2}
    assert counted(installation, "assisted:lead") == {"/blog/a": 1, "/blog/late": 1}
    assert counted(installation, "path:lead") == {"guide /blog/a": 1, "guide /blog/late": 1}
    assert days(installation, "credit:linear:lead") == on
    nothing_differs(installation)


def test_what_is_heard_of_late_but_came_after_changes_nothing(installation: Installation, tell: Teller) -> None:
    installation.happen(tell.visit(5, "a", referrer=GOOGLE), tell.post(5.1, ANA, "a"), tell.download(5.2, ANA))
    before = counted(installation, "credit:linear:lead"), counted(installation, "assisted:lead")
    installation.happen(tell.visit(6, "a", "/blog/b", referrer=PARTNER))
    assert (counted(installation, "credit:linear:lead"), counted(installation, "assisted:lead")) == before
    nothing_differs(installation)


def test_a_lead_that_cools_and_is_hot_again_is_one_mql(installation: Installation, tell: Teller, clock: MovableClock) -> None:
    installation.happen(
        tell.post(0, ANA, "a", job_title="Head"), tell.download(0.1, ANA), tell.visit(0.2, "a", "/pricing"),
        tell.visit(0.3, "a", "/pricing"),
    )  # fmt: skip
    assert counted(installation, "reached:mql") == {"": 1}
    clock.advance(timedelta(days=70))
    assert cool(installation.database, clock) == 1
    installation.happen(*(tell.visit(70 + n, "a", "/pricing") for n in range(4)), tell.take_freely(71, ANA))
    assert installation.person(ANA).stage == "mql", "hot again"
    assert counted(installation, "reached:mql") == counted(installation, "became:mql") == {"": 1}
    nothing_differs(installation)


def test_a_machine_assists_nobody(installation: Installation, tell: Teller) -> None:
    installation.happen(tell.crawl(0, "a", "/blog/crawled"), tell.post(1, ANA, "a"), tell.download(1.1, ANA))
    assert counted(installation, "assisted:lead") == {}
    assert counted(installation, "credit:first:lead") == {"unassigned": WHOLE}
    nothing_differs(installation)


def test_what_sales_made_of_a_lead_changes_the_day_on_which_they_first_had_it(installation: Installation, tell: Teller) -> None:
    installation.happen(tell.post(0, ANA, "a"), tell.download(0.1, ANA), tell.say(2, ANA, "demo_requested"))
    on = days(installation, "outcome")
    assert counted(installation, "outcome") == {"open": 1}
    installation.happen(tell.say(9, ANA, "deal_lost", reason="no budget"))
    assert counted(installation, "outcome") == {"lost": 1}
    installation.happen(tell.say(30, ANA, "deal_won"))
    assert counted(installation, "outcome") == {"won": 1}
    assert days(installation, "outcome") == on
    nothing_differs(installation)


def test_of_events_that_were_forgotten_stays_what_they_had_come_to(installation: Installation, tell: Teller) -> None:
    installation.happen(
        tell.visit(0, "a", "/blog/a", referrer=GOOGLE), tell.visit(0.05, "a", "/blog/b"), tell.post(0.1, ANA, "a"),
        tell.download(0.2, ANA),
    )  # fmt: skip
    credited, assisted = counted(installation, "credit:first:lead"), counted(installation, "assisted:lead")
    with installation.engine.begin() as connection:
        connection.execute(delete(events))
        put_rows(connection, horizons, [{"what": "events", "at": MONDAY + timedelta(days=10)}])
    installation.happen(tell.say(20, ANA, "demo_requested"))
    assert counted(installation, "reached:sql") == {"": 1}
    assert counted(installation, "credit:first:sql") == counted(installation, "credit:first:lead") == credited
    assert counted(installation, "assisted:lead") == assisted == {"/blog/a": 1, "/blog/b": 1}


def test_stages_may_have_names_as_long_as_names_may_be(installation: Installation, tell: Teller) -> None:
    longest = "a" * LONGEST_SLUG
    promotions = [{"id": "gated-download", "to": longest, "on": "asset_downloaded"}]
    installation.apply(definitions(lifecycle={"stages": ["audience", longest], "promotions": promotions}, sequences={}))
    installation.happen(tell.visit(0, "a", campaign="c" * 300), tell.post(0.1, ANA, "a"), tell.download(0.2, ANA))
    assert counted(installation, f"campaign-credit:promoting:{longest}") == {"c" * 256: WHOLE}
    nothing_differs(installation)


def test_the_same_batch_twice_adds_nothing(installation: Installation, tell: Teller) -> None:
    batch = [tell.visit(0, "a", referrer=GOOGLE), tell.post(0.1, ANA, "a"), tell.download(0.2, ANA)]
    installation.happen(*batch)
    installation.happen(*batch)
    while recount(installation.database, installation.clock).due:
        pass
    assert counted(installation, "reached:lead") == {"": 1}
    nothing_differs(installation)

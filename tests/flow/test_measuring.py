"""The figures where the truth changes: erased, forgotten, judged otherwise; and where somebody sends more words than fit."""

from collections import Counter
from collections.abc import Collection
from datetime import date, datetime, timedelta

import pytest
from redis import Redis
from sqlalchemy import select

from nurture.adapters.database.rollups import StandingKeys, add
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import active_days, contributions, events, rollups
from nurture.domain.erasing import Traces
from nurture.domain.measuring.figures import MOST_KEYS, OTHER
from nurture.domain.measuring.tally import Place, Tally
from nurture.flow.erase import erase
from nurture.flow.forget import forget
from nurture.flow.reclassify import reclassify
from nurture.reports.verify import audit
from tests.support.definitions import definitions
from tests.support.events import MONDAY, download, form, page
from tests.support.installation import Installation, crawl
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock

ANA = "ana@acme.test"
FIRST = (MONDAY.date() - date(1970, 1, 1)).days


@pytest.fixture
def installation(database: Database, redis: Redis, clock: MovableClock, smtp_sink: SmtpSink) -> Installation:
    return Installation(database.engine, redis, clock, smtp_sink)


def figures(installation: Installation) -> dict[tuple[str, int, str], int]:
    sums: Counter[tuple[str, int, str]] = Counter()
    with installation.engine.connect() as connection:
        for row in connection.execute(select(rollups)):
            sums[row.figure, row.day, row.key] += row.n
    return {place: n for place, n in sums.items() if n}


def nothing_differs(installation: Installation) -> None:
    found = audit(installation.engine, installation.definitions)
    assert not found.differing, found.differences


def crowd(installation: Installation, days: int) -> None:
    installation.happen(page("/blog/a", "office"), form(ANA, "office"), download(ANA))
    for day in range(days):
        at = MONDAY + timedelta(days=day)
        installation.happen(
            page("/pricing", "office", at=at), page("/blog/b", f"reader-{day % 3}", at=at), crawl("/pricing"),
        )  # fmt: skip


def test_whoever_is_erased_on_request_is_gone_from_every_figure(installation: Installation) -> None:
    crowd(installation, 5)
    person = installation.person(ANA).id
    erase([person], Traces(), installation.database, (), MONDAY + timedelta(days=6))
    left = figures(installation)
    assert {figure for figure, _, key in left if key == "/pricing"} <= {"machines"}
    assert not any(figure.startswith(("reached", "submits", "downloads")) for figure, _, _ in left)
    nothing_differs(installation)


def test_what_is_forgotten_because_of_its_age_leaves_its_sums(installation: Installation, clock: MovableClock) -> None:
    spans = {"events": "20d", "anonymous": "30d"}
    installation.apply(definitions(privacy={"retention": spans}))
    crowd(installation, 40)
    before = figures(installation)
    clock.move_to(MONDAY + timedelta(days=45))

    def eraser(wanted: Collection[int], at: datetime) -> None:
        erase(wanted, Traces(), installation.database, (), at, wished=False)

    while forget(installation.database, eraser, clock, 7).more:
        nothing_differs(installation)
    after = figures(installation)
    assert {place: n for place, n in after.items() if place[0] != "assisted:lead"} == {
        place: n for place, n in before.items() if place[0] != "assisted:lead"
    }
    person = installation.person(ANA).id
    with installation.engine.connect() as connection:
        oldest = connection.scalar(select(events.c.occurred_at).order_by(events.c.occurred_at).limit(1))
        ana = connection.scalars(
            select(active_days.c.day).where(active_days.c.person_id == person).order_by(active_days.c.day)
        ).all()
    assert oldest is not None
    assert oldest >= MONDAY + timedelta(days=25)
    assert ana[:2] == [FIRST, FIRST + 24], "of the days that are closed the first and the last are kept"
    installation.happen(page("/pricing", "office", at=clock.now()), page("/late", "office", at=MONDAY))
    told = figures(installation)
    assert told["people", FIRST + 45, str(FIRST + 39)] == 1, "who came back is not new"
    assert not any(key == "/late" for _, _, key in told), "a closed day stays as it is"
    nothing_differs(installation)


def test_a_machine_found_out_later_takes_back_what_it_added(installation: Installation, clock: MovableClock) -> None:
    shown = [page(f"/blog/{n}", "spider", at=MONDAY + timedelta(minutes=n)) for n in range(4)]
    shown = [each.model_copy(update={"context": {**each.context, "userAgent": "NewBot/1.0"}}) for each in shown]
    installation.happen(*shown)
    assert sum(n for (figure, _, _), n in figures(installation).items() if figure == "views") == 4
    reclassify(
        installation.database, clock, lambda agent: "crawler" if "NewBot" in agent else "browser", lambda _: None, apply=True
    )
    told = figures(installation)
    assert not any(figure == "views" for figure, _, _ in told)
    assert told["events", FIRST, "machine"] == 4


def test_more_words_than_fit_are_counted_together(installation: Installation) -> None:
    """In any order, and however many batches: the sums hold, and who stands goes on to stand."""
    paths = [f"/{n}" for n in range(MOST_KEYS + 30)]
    for begin in range(0, len(paths), 400):
        installation.happen(*(page(path, "device") for path in paths[begin : begin + 400]))
    installation.happen(page("/0", "device"), page(f"/{MOST_KEYS + 5}", "device"), page("/new", "device"))
    views = {key: n for (figure, _, key), n in figures(installation).items() if figure == "views"}
    assert len(views) == MOST_KEYS + 1
    assert views["/0"] == 2
    assert views[OTHER] >= 30
    assert sum(views.values()) == len(paths) + 3
    nothing_differs(installation)


def test_shards_are_one_sum_and_nothing_writes_nothing(installation: Installation) -> None:
    place = Place("views", FIRST, "/a")
    with installation.engine.begin() as connection:
        for shard in (0, 1, 1):
            add(connection, Tally({place: 2, place._replace(key="/b"): 0}), StandingKeys(), shard)
        rows = connection.execute(select(rollups.c.shard, rollups.c.key, rollups.c.n).order_by(rollups.c.shard)).all()
    assert [tuple(row) for row in rows] == [(0, "/a", 2), (1, "/a", 4)]
    with installation.engine.connect() as connection:
        assert connection.execute(select(contributions)).all() == []

"""The season of the growth figure is a crowd worth measuring, and the engine counts it right."""

from collections import Counter
from datetime import timedelta

import pytest
from redis import Redis
from sqlalchemy import Engine, func, select

from benchmarks.growth import Absorption, Block, Slice, check, growth, lay_out, made_of
from benchmarks.laboratory import ROOT, WrongResultError
from benchmarks.meter import Cost, Meter
from benchmarks.season import heard
from nurture import bootstrap
from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import identity_journal, people
from nurture.domain.event import EMAIL_CLICKED
from nurture.flow.recount import recount
from nurture.settings import Settings
from tests.support.waiting import MovableClock

EVENTS, PEOPLE = 2_000, 200


@pytest.fixture
def database(migrated_engine: Engine, clock: MovableClock) -> Database:
    settings = Settings(config_dir=ROOT / "config", templates_dir=ROOT / "templates" / "emails", data_dir=ROOT / "unused")
    loaded = bootstrap.load_definitions(settings).definitions
    assert loaded is not None
    with migrated_engine.begin() as connection:
        apply(connection, loaded, clock.now())
    return Database(migrated_engine)


@pytest.fixture
def redis(redis_url: str) -> Redis:
    return Redis.from_url(redis_url)


def _take_all(database: Database, redis: Redis) -> tuple[list[Slice], int]:
    absorption = Absorption(database, redis, Meter(database.engine))
    slices = [absorption.take(laid) for laid in lay_out(heard(EVENTS, PEOPLE), redis, size=700)]
    return slices, absorption.unnamed


def test_a_season_is_stored_once_and_nothing_of_it_differs_from_the_log(database: Database, redis: Redis) -> None:
    slices, unnamed = _take_all(database, redis)
    found = check(database, redis, EVENTS, unnamed)
    assert (found.differing, found.events) == (0, EVENTS * 97 // 100)
    assert sum(each.read for each in slices) > EVENTS + unnamed > EVENTS  # some came twice, some without consent
    with database.engine.connect() as connection:
        actions = set(connection.scalars(select(identity_journal.c.action)))
        merged = connection.scalar(select(func.count()).where(people.c.merged_into.is_not(None)))
    assert {"merged", "moved"} <= actions
    assert merged
    assert {"SELECT people", "INSERT events"} <= slices[0].waits.keys()
    assert 0 < slices[-1].waits["INSERT events"] < slices[-1].absorbing.wall


def test_a_season_that_is_recounted_as_a_whole_still_follows_from_the_log(
    database: Database, redis: Redis, clock: MovableClock
) -> None:
    _, unnamed = _take_all(database, redis)
    with database.engine.begin() as connection:
        marked = connection.execute(people.update().values(recount_at=clock.now())).rowcount
    recounted = 0
    while report := recount(database, clock).due:
        recounted += report
    assert 0 < recounted <= marked
    assert check(database, redis, EVENTS, unnamed).differing == 0


def test_a_run_that_stored_something_else_has_no_figure(database: Database, redis: Redis) -> None:
    _, unnamed = _take_all(database, redis)
    with database.engine.begin() as connection:
        connection.execute(people.update().values(heat=people.c.heat + 1))
    with pytest.raises(WrongResultError, match="differences from the log"):
        check(database, redis, EVENTS, unnamed)
    with pytest.raises(WrongResultError, match="events stored"):
        check(database, redis, EVENTS + 1, unnamed)


def test_the_season_is_the_same_each_time_and_holds_what_it_says() -> None:
    once, again = (list(heard(EVENTS, PEOPLE)) for _ in range(2))
    assert once == again
    assert [each.received_at for each in once] == sorted(each.received_at for each in once)
    logged = {each.key for each in once if each.consented}
    assert len(logged) == EVENTS
    assert len({each.key for each in once}) < len(once)  # some came twice
    late = [each for each in once if each.received_at - each.occurred_at > timedelta(minutes=15)]
    assert 0 < len(late) < EVENTS // 20
    names = Counter(each.name for each in once)
    assert {EMAIL_CLICKED, "form_submitted", "identified", "asset_downloaded", "page_engaged"} <= names.keys()


def test_how_much_one_does_has_a_heavy_tail() -> None:
    done = Counter(each.message_id.split("-")[1] for each in heard(20_000, 1_000) if each.message_id.startswith("human"))
    assert len(done) == 1_000
    numbers = sorted(done.values())
    assert numbers[500] < 12
    assert numbers[-1] > 200


def test_growth_is_of_full_slices_to_the_first_slice_as_it_was_around_them() -> None:
    """The first slice of the run is no growth; the last one is left out, because it is not full."""

    def taken(microseconds: float, read: int = 1_000) -> Slice:
        return Slice(read, 1, 1, absorbing=Cost(wall=microseconds * read / 1e6, engine_cpu=1.0))

    slow = Block(taken(200), [taken(999), taken(220)], taken(200))
    quick = Block(taken(200), [taken(165), taken(195), taken(900, read=10)], taken(100))
    told = growth([slow, quick])["wall clock"]
    expected = {"first, µs": 200, "median": 1.1, "mean": 1.1667, "last tenth": 1.3, "highest": 1.3}
    assert told == pytest.approx(expected, rel=1e-3)


def test_what_an_event_costs_is_told_by_who_had_the_processor_and_by_what_was_waited_for() -> None:
    def taken(engine: float, waits: dict[str, float]) -> Slice:
        return Slice(1_000_000, 1, 1, absorbing=Cost(engine_cpu=engine, postgres_cpu=2.0), waits=waits)

    first, later = taken(100, {"SELECT events": 10, "INSERT events": 40}), taken(150, {"SELECT events": 60, "INSERT events": 50})
    told = made_of([Block(first, [first, later], first)])
    assert list(told.parts.items()) == [
        ("engine", (100, 150, 1.5)), ("PostgreSQL", (2, 2, 1)), ("wait for SELECT events", (10, 60, 6)),
        ("wait for INSERT events", (40, 50, 1.25)),
    ]  # fmt: skip

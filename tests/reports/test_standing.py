"""Who stands where on a sequence, counted on both databases."""

from datetime import timedelta

from sqlalchemy import Engine, insert, select, update

from nurture.adapters.database.tables import enrollments, people
from nurture.reports.standing import AtStep, Ended, headcount
from tests.support.events import download, event, form
from tests.support.installation import Installation


def enter(installation: Installation, *names: str) -> None:
    installation.happen(*[each for name in names for each in (form(f"{name}@acme.test", name), download(f"{name}@acme.test"))])


def test_nobody_is_there(installation: Installation) -> None:
    found = headcount(installation.engine, "guide-nurture")
    assert (found.people, found.steps, found.ended) == (0, {}, ())


def test_people_are_counted_at_the_step_on_which_they_stand(installation: Installation) -> None:
    enter(installation, "ana", "ben")
    assert headcount(installation.engine, "guide-nurture").steps == {"thanks": AtStep(active=2)}
    installation.work()
    enter(installation, "cem")
    found = headcount(installation.engine, "guide-nurture")
    assert found.steps == {"thanks": AtStep(active=1), "wait-after-thanks": AtStep(waiting=2)}
    assert found.people == 3


def test_held_people_are_counted_apart(installation: Installation) -> None:
    enter(installation, "ana", "ben")
    installation.work()
    with installation.engine.begin() as connection:
        first = select(enrollments.c.id).order_by(enrollments.c.id).limit(1).scalar_subquery()
        connection.execute(update(enrollments).where(enrollments.c.id == first).values(status="paused"))
    [at] = headcount(installation.engine, "guide-nurture").steps.values()
    assert at == AtStep(waiting=1, paused=1)
    assert at.people == 2


def test_how_it_ended_is_counted_by_reason(installation: Installation) -> None:
    enter(installation, "ana", "ben", "cem", "dua")
    installation.work()
    installation.happen(event("demo_requested", email="ana@acme.test"), event("demo_requested", email="ben@acme.test"))
    installation.happen(event("unsubscribed", email="cem@acme.test"))
    for _ in range(4):
        installation.clock.advance(timedelta(days=3))
        installation.work()
    found = headcount(installation.engine, "guide-nurture")
    assert found.ended == (
        Ended(status="completed", reason="goal: demo_requested", runs=2),
        Ended(status="completed", reason="end", runs=1),
        Ended(status="exited", reason="unsubscribed", runs=1),
    )
    assert found.people == 0


def test_other_sequences_do_not_count(installation: Installation) -> None:
    enter(installation, "ana")
    assert headcount(installation.engine, "another").people == 0


def test_many_people_are_counted_in_one_statement(migrated_engine: Engine, installation: Installation) -> None:
    enter(installation, "ana")
    with migrated_engine.begin() as connection:
        person = connection.execute(select(people)).mappings().one()
        run = connection.execute(select(enrollments)).mappings().one()
        fresh = [{**person, "id": 1_000 + number, "email": f"p{number}@acme.test"} for number in range(500)]
        connection.execute(insert(people), fresh)
        runs = [{**run, "id": 1_000 + number, "person_id": 1_000 + number, "version": f"v{number % 3}"} for number in range(500)]
        connection.execute(insert(enrollments), runs)
    assert headcount(migrated_engine, "guide-nurture").steps == {"thanks": AtStep(active=501)}, "whatever their version"

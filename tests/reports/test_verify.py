"""A fresh computation from the event log finds what is stored, and notices when it does not."""

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from nurture.adapters.database.tables import events, people, score_cells
from nurture.domain.person import MOST_ATTRIBUTES
from nurture.reports.verify import Difference, audit, verify
from tests.support.definitions import DEFINITIONS, definitions
from tests.support.events import MONDAY, download, event, form, page
from tests.support.installation import Installation, crawl


def differences(installation: Installation) -> list[Difference]:
    return verify(installation.engine, installation.definitions)


def change(installation: Installation, statement: Any) -> None:
    with installation.engine.begin() as connection:
        connection.execute(statement)


@pytest.fixture
def crowd(installation: Installation) -> Installation:
    """Somebody known with two devices, a reader, a machine, and somebody who gave away their browser."""
    installation.happen(page("/blog/a", "office"), page("/pricing", "phone"), page("/pricing", "phone"))
    installation.happen(form("ana@acme.test", "office", job_title="Head of Sales", country="FR"), download("ana@acme.test"))
    installation.happen(form("ana@acme.test", "phone", at=MONDAY + timedelta(hours=1), country="BE"))
    installation.happen(page("/blog/b", "phone", at=MONDAY + timedelta(days=2)), page("/careers", "reader"))
    installation.happen(crawl("/pricing"))
    installation.happen(form("ben@acme.test", "office"), page("/pricing", "office"))
    return installation


def test_nothing_differs_after_the_engine_has_done_its_work(crowd: Installation) -> None:
    found = audit(crowd.engine, crowd.definitions)
    assert (found.differing, found.differences) == (0, [])
    assert (found.people, found.events) == (4, 10)


def test_nothing_differs_whatever_the_order_and_however_often_events_come(installation: Installation) -> None:
    draw = random.Random(7)
    log = [
        *[page(f"/blog/{n}", f"d{n % 9}", at=MONDAY + timedelta(hours=7 * n)) for n in range(60)],
        *[page("/pricing", f"d{n % 9}", at=MONDAY + timedelta(hours=5 * n)) for n in range(40)],
        *[form(f"p{n % 6}@acme.test", f"d{n % 9}", at=MONDAY + timedelta(hours=n), job_title=f"Head {n}") for n in range(18)],
    ]
    log += draw.sample(log, 40)
    draw.shuffle(log)
    while log:
        size = draw.randint(1, 30)
        installation.happen(*log[:size])
        log = log[size:]
    assert differences(installation) == []


def test_a_lost_hit_is_found_in_its_cell_and_not_in_the_heat(crowd: Installation) -> None:
    ana = crowd.person("ana@acme.test").id
    change(crowd, update(score_cells).where(score_cells.c.person_id == ana, score_cells.c.rule == "pricing").values(hits=1))
    [found] = differences(crowd)
    assert (found.person, found.what, found.name, found.stored, found.computed) == (ana, "cell", "pricing on 2026-03-02", 1, 2)


def test_a_cell_that_nothing_explains_is_found(crowd: Installation) -> None:
    ana = crowd.person("ana@acme.test").id
    change(crowd, insert(score_cells).values(person_id=ana, rule="pricing", day=20_000, hits=3))
    [found] = differences(crowd)
    assert (found.what, found.stored, found.computed) == ("cell", 3, 0)


def test_an_event_counted_twice_or_never_is_found(crowd: Installation) -> None:
    change(crowd, delete(events).where(events.c.name == "asset_downloaded"))
    assert {each.what for each in differences(crowd)} == {"cell", "heat", "contribution", "figure"}


@pytest.mark.parametrize(("column", "value"), [("heat", 1.0), ("fit", 7), ("grade", "D")])
def test_a_wrong_total_is_found(crowd: Installation, column: str, value: object) -> None:
    ana = crowd.person("ana@acme.test").id
    change(crowd, update(people).where(people.c.id == ana).values({column: value}))
    assert column in {each.what for each in differences(crowd) if each.person == ana}
    assert {each.person for each in differences(crowd)} == {ana}


def test_a_forgotten_attribute_is_found_and_its_value_not_shown(crowd: Installation) -> None:
    ana = crowd.person("ana@acme.test").id
    change(crowd, update(people).where(people.c.id == ana).values(attributes={}))
    found = [each for each in differences(crowd) if each.what == "attribute"]
    assert [(each.name, each.stored) for each in found] == [("country", None), ("job_title", None)]
    assert found[0].computed == (MONDAY + timedelta(hours=1)).isoformat()


def test_cells_left_with_somebody_who_was_merged_are_found(crowd: Installation) -> None:
    with crowd.engine.connect() as connection:
        phone = connection.scalar(people.select().where(people.c.merged_into.is_not(None)).with_only_columns(people.c.id))
    change(crowd, insert(score_cells).values(person_id=phone, rule="pricing", day=20_514, hits=1))
    [found] = differences(crowd)
    assert (found.person, found.what, found.computed) == (phone, "cell", 0)


def test_a_sender_who_invents_attributes_without_end_makes_no_difference(installation: Installation) -> None:
    invented: list[dict[str, Any]] = [{f"trait_{n}": "x"} for n in range(MOST_ATTRIBUTES + 20)]
    installation.happen(*[form("ana@acme.test", **each) for each in invented])
    assert len(installation.person("ana@acme.test").attributes) == MOST_ATTRIBUTES
    assert differences(installation) == []


def test_rules_that_changed_since_differ_until_people_are_counted_again(crowd: Installation) -> None:
    scoring = DEFINITIONS["scoring"]
    dearer = [{**rule, "points": 30} if rule["id"] == "pricing" else rule for rule in scoring["rules"]]
    crowd.apply(definitions(scoring={**scoring, "rules": dearer}))
    assert {each.what for each in differences(crowd)} == {"heat"}
    crowd.happen(event("anything", anonymous_id="phone"), event("anything", email="ben@acme.test"))
    assert differences(crowd) == []


def test_of_many_differences_the_first_are_kept_and_all_are_counted(crowd: Installation) -> None:
    change(crowd, update(people).where(people.c.merged_into.is_(None)).values(heat=9e9))
    found = audit(crowd.engine, crowd.definitions, most=2)
    assert (found.differing, len(found.differences)) == (4, 2)

"""Who would cross which threshold is told before anything is changed, and comes true."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from nurture.adapters.database.tables import people, stage_changes
from nurture.flow.rescore import rescore
from nurture.reports.crossings import BIGGEST, EXAMPLES, Crossing, Crossings, crossings
from tests.support.definitions import DEFINITIONS, definitions
from tests.support.events import MONDAY, form, page
from tests.support.installation import Installation

SCORING: dict[str, Any] = DEFINITIONS["scoring"]


def priced(points: int, **changed: Any) -> Any:
    rules = [rule | ({"points": points} if rule["id"] == "pricing" else {}) for rule in SCORING["rules"]]
    return definitions(scoring={**SCORING, "rules": rules} | changed)


def planned(installation: Installation, after: Any) -> Crossings:
    return crossings(installation.engine, installation.definitions, after, installation.clock.now())


def crowd(installation: Installation, number: int = 8) -> None:
    for n in range(number):
        title: dict[str, Any] = {"job_title": "Head"} if n % 2 else {}
        installation.happen(form(f"p{n}@acme.test", f"d{n}", **title), page("/pricing", f"d{n}", at=MONDAY + timedelta(hours=n)))


def one(found: Crossings, kind: str, name: str) -> Crossing:
    return next(each for each in found.thresholds if (each.kind, each.name) == (kind, name))


def test_the_same_rules_cross_nothing(installation: Installation) -> None:
    crowd(installation)
    found = planned(installation, installation.definitions)
    assert (found.people, found.events, found.changed, found.fires, found.biggest) == (8, 16, 0, 0, ())
    assert all((each.up, each.down, each.before) == (0, 0, each.after) for each in found.thresholds)


def test_who_would_be_promoted_is_told_and_comes_true(installation: Installation) -> None:
    crowd(installation)
    after = priced(40)
    found = planned(installation, after)
    hot = one(found, "promotion", "hot → mql")
    assert (hot.before, hot.after, hot.up, hot.down, found.fires, found.changed) == (0, 4, 4, 0, 4, 8)
    assert len(found.biggest) == 8
    assert {(each.what, each.before, each.after) for each in found.biggest} == {("engagement", 10, 40)}
    installation.apply(after)
    assert rescore(installation.database, installation.clock, lambda _: None, fire=True).moved == 4
    with installation.engine.connect() as connection:
        assert set(connection.scalars(select(stage_changes.c.person_id))) == set(hot.up_examples)


def test_grades_and_cells_are_told_up_and_down(installation: Installation) -> None:
    crowd(installation)
    found = planned(installation, priced(10, grades={"A": 45, "B": 20, "C": 10, "D": 0}, bands={"1": 10, "2": 0}))
    top, second = one(found, "grade", "A"), one(found, "grade", "B")
    assert (top.before, top.after, top.up, second.up, second.down) == (0, 4, 4, 0, 0)
    cells = {each.name: (each.before, each.after, each.up, each.down) for each in found.thresholds if each.kind == "matrix"}
    assert cells == {"A1": (0, 4, 4, 0), "D1": (0, 4, 4, 0), "B4": (4, 0, 0, 4), "D4": (4, 0, 0, 4)}
    assert found.changed == 4


def test_who_would_go_down_is_told_of_those_who_stand_there(installation: Installation) -> None:
    crowd(installation)
    installation.apply(priced(40))
    for n in range(8):
        installation.happen(page("/x", f"d{n}", at=MONDAY + timedelta(days=1)))
    cooled = one(planned(installation, priced(3)), "recycling", "cooled: mql → lead")
    assert (cooled.before, cooled.after, cooled.up, cooled.down) == (0, 4, 4, 0)


def test_a_rule_that_is_new_or_gone_and_a_new_model_are_told(installation: Installation) -> None:
    crowd(installation, 2)
    lifecycle = {"promotions": [{"id": "warm", "to": "lead", "when": {"engagement.cloud": {"at_least": 5}}}]}
    cloud = {"rules": [{"id": "cloud", "on": "page_viewed", "points": 5}]}
    found = planned(installation, definitions(lifecycle=lifecycle, scoring={**SCORING, "models": {"cloud": cloud}}))
    assert (one(found, "promotion", "warm → lead").up, one(found, "promotion", "hot → mql").after) == (2, 0)
    assert [(each.what, each.before, each.after) for each in found.biggest] == [("engagement.cloud", 0, 5)] * 2


def test_examples_are_few_and_nothing_is_written(installation: Installation) -> None:
    crowd(installation, 14)
    with installation.engine.connect() as connection:
        before = connection.execute(select(people).order_by(people.c.id)).all()
    found = planned(installation, priced(40, fit=[]))
    assert len(one(found, "grade", "B").down_examples) == EXAMPLES
    assert len(found.biggest) == BIGGEST
    with installation.engine.connect() as connection:
        assert connection.execute(select(people).order_by(people.c.id)).all() == before
    assert Crossings.model_validate_json(found.model_dump_json()) == found

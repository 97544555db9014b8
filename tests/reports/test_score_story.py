"""Every score is the sum of its lines as printed, whatever the caps, groups, models and days."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from nurture.domain.counting import blank, total
from nurture.domain.definitions import Definitions
from nurture.domain.person import Person
from nurture.domain.scoring import LANDMARK, Cell, Grade, engagement_on
from nurture.reports.figures import EPOCH
from nurture.reports.score_story import Ledger, ModelScore, model_scores
from nurture.reports.story import Story, story
from nurture.reports.verify import verify
from tests.support.definitions import DEFINITIONS, definitions
from tests.support.events import MONDAY, event, form
from tests.support.installation import Installation


def drawn(draw: random.Random) -> dict[str, Any]:
    """Scoring rules of any make: caps, groups and half-lives of all sizes, points above and below zero."""

    def model(prefix: str) -> dict[str, Any]:
        groups = {
            f"g{n}": {"points": draw.randint(1, 40), "per": draw.choice(["day", "ever"])} for n in range(draw.randint(0, 2))
        }
        rules = []
        for number in range(draw.randint(1, 5)):
            rule: dict[str, Any] = {"id": f"{prefix}{number}", "on": f"e{draw.randint(0, 4)}", "points": draw.randint(-20, 30)}
            if draw.random() < 0.6:
                rule["cap"] = {"hits": draw.randint(1, 4), "per": draw.choice(["day", "ever"])}
            if groups and draw.random() < 0.6:
                rule["group"] = draw.choice(list(groups))
            rules.append(rule)
        return {"half_life": f"{draw.randint(7, 400)}d", "rules": rules, "groups": groups}

    models = {name: model(name) for name in ("cloud", "edge")[: draw.randint(0, 2)]}
    return {**model("r"), "models": models, "fit": []}


def assert_adds_up(score: ModelScore, engagement: float) -> None:
    """What is printed is summed as it is printed, in decimals."""
    printed = sum((Decimal(f"{line.points:.2f}") for line in score.lines), Decimal(0))
    assert score.unexplained == 0
    assert printed == Decimal(f"{score.engagement:.2f}")
    assert abs(score.engagement - engagement) <= 0.005 + 1e-9 * abs(engagement)


def assert_lines_are_whole(score: ModelScore, made: Definitions) -> None:
    for line in score.lines:
        rule = made.rules_by_id[line.rule]
        assert line.earned + line.cut_by_cap + line.cut_by_group == rule.points * line.hits


def ledgers(count: int, seed: int) -> Iterator[tuple[Definitions, Counter[Cell], int]]:
    draw = random.Random(seed)
    for number in range(count):
        if number % 50 == 0:  # making definitions takes longer than using them
            made = definitions(scoring=drawn(draw))
        rules = [*made.rules_by_id, "gone"]
        today = LANDMARK + draw.randint(0, 900)
        cells: Counter[Cell] = Counter()
        for _ in range(draw.randint(0, 40)):
            cells[Cell(draw.choice(rules), today - draw.choice([0, 1, 2, draw.randint(0, 600)]))] += draw.randint(1, 3)
        yield made, cells, today


def person_with(cells: Counter[Cell], made: Definitions, at: datetime) -> Person:
    someone = Person(id=1, stage="audience", stage_since=at, first_seen_at=at, seen_at=at, grade=Grade("D"))
    fresh = blank(someone, made)
    total(fresh, cells, made, at)
    return fresh


def test_the_lines_sum_to_the_score_for_ten_thousand_ledgers__mautic_5369() -> None:
    seen = 0
    for made, cells, today in ledgers(10_000, seed=5369):
        at = datetime.combine(EPOCH + timedelta(days=today), datetime.min.time(), UTC)
        person = person_with(cells, made, at)
        for score in model_scores(cells, person, made.scoring, today):
            heat = person.heat if score.model == "default" else person.heats.get(score.model, 0.0)
            assert_adds_up(score, engagement_on(today, heat, made.scoring.model(score.model).half_life))
            assert_lines_are_whole(score, made)
        seen += 1
    assert seen == 10_000


def test_what_events_counted_sums_to_what_their_cells_earned() -> None:
    draw = random.Random(7)
    for made, _, today in ledgers(500, seed=9):
        start = datetime.combine(EPOCH + timedelta(days=today - 2), datetime.min.time(), UTC)
        log = [event(f"e{draw.randint(0, 4)}", start + timedelta(hours=draw.randint(0, 71))) for _ in range(25)]
        log.sort(key=lambda each: each.occurred_at)
        cells = Counter(Cell(rule.id, each.day) for each in log for rule in made.rules_by_event.get(each.name, ()))
        ledger, counted = Ledger(made, cells, today), Counter[tuple[str, int]]()
        for each in log:
            for line in ledger.earned(each):
                points = made.rules_by_id[line.rule].points
                assert line.capped == (line.points != points)
                assert 0 <= line.points <= points or points <= line.points <= 0
                counted[line.rule, each.day] += line.points
        scores = model_scores(cells, person_with(cells, made, start), made.scoring, today)
        earned = {(line.rule, (line.day - EPOCH).days): line.earned for score in scores for line in score.lines}
        assert {key: value for key, value in earned.items() if value} == {key: value for key, value in counted.items() if value}


def told(installation: Installation, who: str) -> Story:
    return story(installation.engine, installation.definitions, who, installation.clock.now(), 10_000)


def test_the_lines_sum_to_the_score_through_the_database__mautic_5369(installation: Installation) -> None:
    draw = random.Random(22)
    made = definitions(scoring=drawn(draw) | {"models": {"cloud": {"rules": [{"id": "c", "on": "e1", "points": 7}]}}})
    installation.apply(made)
    log = [
        event(f"e{draw.randint(0, 4)}", MONDAY - timedelta(minutes=draw.randint(0, 60 * 24 * 90)), anonymous_id=f"d{draw.randint(0, 149)}")
        for _ in range(2_500)
    ]  # fmt: skip
    log += [form(f"p{n}@acme.test", f"d{n}", at=MONDAY) for n in range(0, 150, 3)]
    draw.shuffle(log)
    for start in range(0, len(log), 500):
        installation.happen(*log[start : start + 500])
    assert verify(installation.engine, made) == []
    installation.later(days=11)
    for number in range(150):
        found = told(installation, f"d{number}")
        for score in found.scores:
            assert_lines_are_whole(score, made)
            assert_adds_up(score, score.engagement)
        assert found.engagement == found.scores[0].engagement


GROUPED: dict[str, Any] = {
    "half_life": "30d",
    "rules": [
        {"id": "podcast", "on": "podcast", "points": 5, "group": "content"},
        {"id": "video", "on": "video", "points": 8, "cap": {"hits": 1}, "group": "content"},
    ],
    "groups": {"content": {"points": 12}},
    "models": {"cloud": {"half_life": "10d", "rules": [{"id": "cloud", "on": "video", "points": 3}]}},
}


def test_a_cap_of_a_group_shows_in_the_line_and_at_the_events(installation: Installation) -> None:
    """12 points a day: the video counts 8, so of three podcasts 4 points are left, though they came first."""
    installation.apply(definitions(scoring=DEFINITIONS["scoring"] | GROUPED))
    names = ["podcast", "podcast", "podcast", "video", "video"]
    for minute, name in enumerate(names):
        installation.happen(event(name, MONDAY + timedelta(minutes=minute), anonymous_id="d"))
    installation.later(days=10)
    found = told(installation, "d")
    lines = {line.rule: line for score in found.scores for line in score.lines}
    assert (lines["video"].earned, lines["video"].cut_by_cap, lines["video"].cut_by_group) == (8, 8, 0)
    assert (lines["podcast"].earned, lines["podcast"].cut_by_cap, lines["podcast"].cut_by_group) == (4, 0, 11)
    assert [(score.model, score.half_life, score.engagement) for score in found.scores] == [
        ("default", "30d", 9.52), ("cloud", "10d", 3.0),
    ]  # fmt: skip
    assert (lines["cloud"].faded, lines["cloud"].points) == (0.5, 3.0)
    earned = [[(each.rule, each.points, each.capped) for each in line.points] for line in found.events]
    assert earned == [
        [("podcast", 4, True)], [("podcast", 0, True)], [("podcast", 0, True)],
        [("video", 8, False), ("cloud", 3, False)], [("video", 0, True), ("cloud", 3, False)],
    ]  # fmt: skip


def test_a_rule_under_which_nobody_was_counted_yet_is_not_said_to_be_capped(installation: Installation) -> None:
    installation.happen(event("video", anonymous_id="d"))
    installation.apply(definitions(scoring=DEFINITIONS["scoring"] | GROUPED))
    assert [line.points for line in told(installation, "d").events] == [()]


@pytest.mark.parametrize(("engagement", "matrix"), [(0, "D4"), (2, "D3")])
def test_the_cell_of_the_matrix_is_told(installation: Installation, engagement: int, matrix: str) -> None:
    rule = {"id": "video", "on": "video", "points": engagement}
    installation.apply(definitions(scoring={"rules": [rule], "bands": {"1": 10, "3": 2, "4": 0}}))
    installation.happen(event("video", anonymous_id="d"))
    assert told(installation, "d").matrix == matrix

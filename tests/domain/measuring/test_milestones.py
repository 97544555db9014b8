"""What people add by the stages they reached: each stage once, at its first time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.lifecycle import Lifecycle
from nurture.domain.measuring.days import local_day, month_of
from nurture.domain.measuring.figures import MODELS, WHOLE
from nurture.domain.measuring.milestones import (
    MOST_READ,
    Act,
    Move,
    Read,
    Story,
    added_by,
    form_behind,
    milestones,
)  # fmt: skip
from nurture.domain.touches import Touch
from tests.support.events import MONDAY

LIFECYCLE = Lifecycle()
STAGES = [*LIFECYCLE.stages, "disqualified", "a-stage-of-former-days"]
DAY = local_day(MONDAY, "UTC")


def on(days: float) -> datetime:
    return MONDAY + timedelta(days=days)


def told(story: Story, timezone: str = "UTC") -> dict[tuple[str, int, str], int]:
    return {(place.figure, place.day - DAY, place.key): n for place, n in added_by(story, LIFECYCLE, timezone).items()}


def of(story: Story, figure: str) -> dict[tuple[int, str], int]:
    return {(day, key): n for (name, day, key), n in told(story).items() if name == figure}


def test_nobody_who_stayed_where_everybody_begins_adds_anything() -> None:
    assert told(Story(MONDAY, "audience", [], [Touch(MONDAY, "email")], [Read(MONDAY, "/a")])) == {}


def test_a_stage_that_was_passed_over_is_reached_and_took_no_time() -> None:
    story = Story(MONDAY, "sql", [Move(on(2.5), "sql")])
    assert [of(story, f"reached:{stage}") for stage in ("lead", "mql", "sql")] == [{(2, ""): 1}] * 3
    assert of(story, "velocity:sql") == {(2, "audience:2"): 1}
    assert of(story, "velocity:lead") == of(story, "velocity:mql") == {}


def test_who_falls_back_and_comes_again_counts_once_at_the_first_time() -> None:
    story = Story(MONDAY, "mql", [Move(on(1), "lead"), Move(on(3), "mql"), Move(on(9), "lead"), Move(on(20), "mql")])
    assert of(story, "reached:mql") == {(3, ""): 1}
    assert of(story, "velocity:mql") == {(3, "lead:2"): 1}


def test_the_way_goes_on_from_the_highest_stage_reached() -> None:
    story = Story(MONDAY, "sql", [Move(on(1), "lead"), Move(on(3), "mql"), Move(on(9), "lead"), Move(on(20), "sql")])
    assert of(story, "velocity:sql") == {(20, "mql:17"): 1}


def test_what_led_there() -> None:
    moves = [Move(on(1), "lead", "guide-form", "guide"), Move(on(3), "mql"), Move(on(4), "sql", "demo-request")]
    story = Story(MONDAY, "sql", moves)
    assert of(story, "reached-by-form:lead") == {(1, "guide-form"): 1}
    assert of(story, "reached-by-asset:lead") == {(1, "guide"): 1}
    assert of(story, "reached-by-form:mql") == {}
    assert of(story, "reached-by-form:sql") == {(4, "demo-request"): 1}


def test_what_became_of_a_lead_stands_on_the_day_it_became_one() -> None:
    touches = [Touch(MONDAY, "paid-search"), Touch(on(0.5), "direct"), Touch(on(2), "email")]
    story = Story(MONDAY, "mql", [Move(on(1), "lead", "guide-form", "guide"), Move(on(3), "mql")], touches)
    for stage in ("lead", "mql"):
        assert of(story, f"became:{stage}") == {(1, ""): 1}
        assert of(story, f"became-by-form:{stage}") == {(1, "guide-form"): 1}
        assert of(story, f"became-by-asset:{stage}") == {(1, "guide"): 1}
        assert of(story, f"became-by-channel:{stage}") == {(1, "paid-search"): 1}
    assert of(story, "became:sql") == {}


def test_cohorts_are_by_the_month_of_the_lead() -> None:
    story = Story(MONDAY, "mql", [Move(on(1), "lead"), Move(on(40), "mql")])
    march = str(month_of(DAY))
    assert of(story, "reached-by-cohort:mql") == {(40, march): 1}


@pytest.mark.parametrize(
    ("stages", "stands", "outcome"),
    [
        (["sql"], "sql", "open"),
        (["sql", "opportunity"], "opportunity", "open"),
        (["sql", "customer"], "customer", "won"),
        (["customer", "lead"], "lead", "won"),
        (["sql", "lead"], "lead", "lost"),
        (["sql", "disqualified"], "disqualified", "lost"),
        (["sql", "lead", "sql"], "sql", "open"),
    ],
)
def test_what_came_of_those_whom_sales_had(stages: list[str], stands: str, outcome: str) -> None:
    story = Story(MONDAY, stands, [Move(on(day), stage) for day, stage in enumerate(stages, 1)])
    assert of(story, "outcome") == {(1, outcome): 1}


def test_whom_sales_never_had_has_no_outcome() -> None:
    assert of(Story(MONDAY, "disqualified", [Move(on(1), "lead"), Move(on(2), "disqualified")]), "outcome") == {}


def test_who_is_disqualified_is_counted_once() -> None:
    story = Story(MONDAY, "disqualified", [Move(on(1), "disqualified"), Move(on(2), "lead"), Move(on(3), "disqualified")])
    assert of(story, "reached:disqualified") == {(1, ""): 1}


def test_only_what_was_read_before_assisted() -> None:
    reads = [Read(on(0), "/a"), Read(on(1), "/b"), Read(on(1.5), "/a"), Read(on(2), "/c")]
    story = Story(MONDAY, "mql", [Move(on(1), "lead"), Move(on(2), "mql")], reads=reads)
    assert of(story, "assisted:lead") == {(1, "/a"): 1}
    assert of(story, "assisted:mql") == {(2, "/a"): 1, (2, "/b"): 1}


def test_of_many_pages_the_latest_are_remembered() -> None:
    reads = [Read(MONDAY + timedelta(minutes=n), f"/{n}") for n in range(80)]
    assisted = of(Story(MONDAY, "lead", [Move(on(1), "lead")], reads=reads), "assisted:lead")
    assert assisted == {(1, f"/{n}"): 1 for n in range(80 - MOST_READ, 80)}


def test_what_was_found_out_of_events_that_were_forgotten_since_stays() -> None:
    move, once = Move(on(1), "lead"), {"lead": ["/a", "/b"]}
    forgotten = Story(MONDAY, "lead", [move], horizon=on(2), read_once=once)
    assert of(forgotten, "assisted:lead") == {(1, "/a"): 1, (1, "/b"): 1}
    in_the_log = forgotten._replace(horizon=on(0.5))
    assert of(in_the_log, "assisted:lead") == {}


def test_campaigns_share_what_channels_share() -> None:
    touches = [Touch(MONDAY, "paid-search", campaign="spring"), Touch(on(0.5), "direct")]
    story = Story(MONDAY, "lead", [Move(on(1), "lead", touch=touches[0])], touches)
    assert of(story, "campaign-credit:linear:lead") == {(1, "spring"): 500_000, (1, ""): 500_000}
    assert of(story, "campaign-credit:promoting:lead") == {(1, "spring"): WHOLE}


def test_only_visits_up_to_the_milestone_are_credited() -> None:
    story = Story(MONDAY, "lead", [Move(on(1), "lead")], [Touch(on(1), "email"), Touch(on(1.1), "referral")])
    assert of(story, "credit:last:lead") == {(1, "email"): WHOLE}


def test_days_are_those_of_the_business() -> None:
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    story = Story(MONDAY, "lead", [Move(late, "lead")])
    assert told(story)["reached:lead", 0, ""] == 1
    assert told(story, "Europe/Paris")["reached:lead", 1, ""] == 1


@pytest.mark.parametrize(
    ("day", "month"), [("2026-03-02", "2026-03-01"), ("2026-03-01", "2026-03-01"), ("2024-02-29", "2024-02-01")]
)
def test_the_first_day_of_a_month(day: str, month: str) -> None:
    as_day = [local_day(datetime.fromisoformat(each).replace(tzinfo=UTC), "UTC") for each in (day, month)]
    assert month_of(as_day[0]) == as_day[1]


def act(hour: int, form: str | None = None, asset: str | None = "guide", submission: str | None = None) -> Act:
    return Act(MONDAY + timedelta(hours=hour), form, asset, submission)


def test_the_form_behind_an_act() -> None:
    sent = [act(1, "one", submission="s1"), act(2, "two", submission="s2"), act(9, "late", submission="s3")]
    assert form_behind(act(2, "two"), sent) == "two"
    assert form_behind(act(3, submission="s1"), sent) == "one", "the download that follows a form's post"
    assert form_behind(act(3), sent) == "two", "a link in a mail: the last form that offers the asset"
    assert form_behind(act(3, asset="webinar"), sent) is None
    assert form_behind(act(0), sent) is None


DAYS = st.floats(0, 400, allow_nan=False)
MOVES = st.lists(st.builds(Move, DAYS.map(on), st.sampled_from(STAGES)), max_size=12).map(
    lambda moves: sorted(moves, key=lambda move: move.at)
)


@given(
    moves=MOVES,
    touches=st.lists(st.builds(Touch, DAYS.map(on), st.sampled_from(["direct", "email", "referral"])), max_size=12),
    stands=st.sampled_from(STAGES),
)
def test_each_model_adds_up_to_those_who_reached_the_stage(moves: list[Move], touches: list[Touch], stands: str) -> None:
    story = Story(MONDAY, stands, moves, sorted(touches, key=lambda touch: touch.at))
    found = told(story)
    reached = milestones(moves, LIFECYCLE)
    for stage in LIFECYCLE.stages[1:]:
        assert sum(n for (figure, *_), n in found.items() if figure == f"reached:{stage}") == (stage in reached)
        for model in MODELS:
            for credit in ("credit", "campaign-credit"):
                given_away = sum(n for (figure, *_), n in found.items() if figure == f"{credit}:{model}:{stage}")
                assert given_away == WHOLE * (stage in reached)


@given(moves=MOVES)
def test_a_later_move_changes_no_milestone(moves: list[Move]) -> None:
    before = milestones(moves, LIFECYCLE)
    after = milestones([*moves, Move(on(500), "customer")], LIFECYCLE)
    assert {stage: after[stage] for stage in before} == before


def test_milestones_never_come_before_those_below_them() -> None:
    found = milestones([Move(on(1), "customer"), Move(on(2), "lead")], LIFECYCLE)
    assert {stage: move.at for stage, move in found.items()} == dict.fromkeys(LIFECYCLE.stages[1:], on(1))

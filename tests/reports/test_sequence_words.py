"""What a sequence says about time, who enters and who leaves, in words."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from nurture.domain.lateness import Late, LateField
from nurture.domain.pauses import AnyPause, Pause
from nurture.domain.sequence import Sequence
from nurture.domain.triggers import Trigger
from nurture.domain.window import Window
from nurture.reports.sequence_words import facts_in_words, late_in_words, pause_in_words, trigger_in_words, window_in_words

PAUSE: TypeAdapter[AnyPause] = TypeAdapter(Pause)
LATE: TypeAdapter[Late] = TypeAdapter(LateField)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("2d", "2 days"),
        ({"business_days": 1}, "1 business day"),
        ({"business_days": 3, "at": "09:00"}, "3 business days, at 09:00, their time"),
        ({"until": "monday", "at": "09:00"}, "until Monday 09:00, their time"),
        ({"until": "mon,thu"}, "until Monday or Thursday 00:00, their time"),
        ({"until": "mon-fri", "at": "08:30"}, "until Monday to Friday 08:30, their time"),
        ({"date": "webinar_day"}, "until webinar day"),
        ({"date": "webinar_day", "before": "1d", "at": "09:00"}, "until 1 day before webinar day, at 09:00, their time"),
        ({"date": "webinar_day", "after": "2h"}, "until 2 hours after webinar day"),
    ],
)
def test_waits(written: Any, words: str) -> None:
    assert pause_in_words(PAUSE.validate_python(written), Window()) == words


@pytest.mark.parametrize(
    ("timezone", "whose"),
    [
        ("person", "their time"),
        ("Europe/Paris", "Europe/Paris time"),
        ("America/New_York", "America/New York time"),
        (["country", "UTC"], "their country’s time"),
        (["person", "UTC"], "their time"),
    ],
)
def test_a_wait_says_by_whose_clock_it_goes(timezone: Any, whose: str) -> None:
    window = Window.model_validate({"timezone": timezone})
    assert pause_in_words(PAUSE.validate_python({"until": "mon", "at": "09:00"}), window) == f"until Monday 09:00, {whose}"


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({}, "on any day, at any hour"),
        ({"hours": "09:00-12:00"}, "on any day, 09:00 to 12:00, their time"),
        ({"days": "tue,wed,thu"}, "Tuesday to Thursday, their time"),
        ({"days": "mon,wed", "timezone": "UTC"}, "Monday and Wednesday, UTC time"),
        ({"holidays": "FR"}, "on any day, their time, but not on public holidays (FR)"),
        ({"holidays": "person", "days": "mon"}, "Monday, their time, but not on public holidays (their country’s)"),
        (
            {"hours": "09:00-18:00", "spread": "2h"},
            "on any day, 09:00 to 18:00, their time, spread over 2 hours after the opening",
        ),
    ],
)
def test_windows(written: Any, words: str) -> None:
    assert window_in_words(Window.model_validate(written)) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("send", "when late: sent all the same"),
        ("skip", "when late: not sent"),
        ({"then": "next_window", "after": "6h"}, "when more than 6 hours late: sent at the next opening"),
    ],
)
def test_late_policies(written: Any, words: str) -> None:
    assert late_in_words(LATE.validate_python(written)) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"promoted_to": "lead", "asset": "guide"}, "promoted to lead, through asset guide"),
        ({"promoted_to": "lead", "where": {"gated": True}}, "promoted to lead (gated is true)"),
        ({"event": ["a", "trial_started"]}, "a or trial started"),
        ({"event": "form_submitted", "form": "newsletter"}, "form submitted, through form newsletter"),
        ({"event": "x", "form": "f", "asset": "a"}, "x, through form f and asset a"),
        ({"asset": "guide"}, "asset downloaded, through asset guide"),
        ({"enters": {"engagement": {"at_least": 35}}}, "this has just become true: engagement at least 35"),
        ({"date": "webinar_day", "before": "1d"}, "1 day before webinar day"),
        ({"manual": True}, "put on it by name"),
    ],
)
def test_triggers(written: Any, words: str) -> None:
    assert trigger_in_words(Trigger.model_validate(written), Window()) == words


def facts(**written: Any) -> dict[str, str]:
    base = {"sequence": "s", "trigger": "manual", "steps": [{"wait": "1d"}]}
    return dict(facts_in_words(Sequence.model_validate(base | written)))


_ASSET: dict[str, Any] = {"trigger": {"asset": "guide"}}


def test_what_holds_throughout() -> None:
    assert facts() == {
        "Enters": "put on it by name", "Audience": "everybody", "When put in force": "only who enters from now on", "Goal": "none",
        "Ends early": "only by the goal", "Again": "never", "Mail goes": "on any day, at any hour", "Priority": "50 of 100",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("heading", "written", "words"),
    [
        ("When put in force", {**_ASSET, "enroll": "backfill"}, "also everybody who would have entered before"),
        ("When put in force", {**_ASSET, "enroll": {"backfill": "90d"}}, "also who would have entered in the last 90 days"),
        ("Again", {"reentry": "after_exit"}, "as soon as the last time is over"),
        ("Again", {"reentry": {"after": "180d"}}, "180 days after the last time"),
        ("Goal", {"goal": {"event": "demo_requested"}}, "demo requested"),
        ("Ends early", {"exit": ["unsubscribed", {"stage": "customer"}]}, "unsubscribed; or stage is customer"),
        ("Late mail", {"late": "skip"}, "when late: not sent"),
        ("Audience", {"audience": {"stage": "lead"}}, "stage is lead"),
    ],
)
def test_what_else_may_hold(heading: str, written: dict[str, Any], words: str) -> None:
    assert facts(**written)[heading] == words

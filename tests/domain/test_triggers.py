"""What puts people on a sequence, as it is written."""

from datetime import time, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from nurture.domain.duration import LONGEST
from nurture.domain.pauses import RelativeDate
from nurture.domain.triggers import Enroll, EnrollField, Trigger, TriggerField

TRIGGER: TypeAdapter[Trigger] = TypeAdapter(TriggerField)
ENROLL: TypeAdapter[Enroll] = TypeAdapter(EnrollField)


@pytest.mark.parametrize(
    ("written", "events"),
    [
        ({"promoted_to": "lead"}, ()),
        ({"promoted_to": "lead", "asset": "guide"}, ()),
        ({"event": "demo"}, ("demo",)),
        ({"event": ["demo", "call"], "where": {"path": "/x"}}, ("demo", "call")),
        ({"form": "newsletter"}, ("form_submitted",)),
        ({"asset": "guide"}, ("asset_downloaded",)),
        ({"asset": "guide", "form": "guide"}, ("form_submitted",)),
        ({"enters": {"stage": "lead"}}, ()),
        ({"date": "webinar_day"}, ()),
        ("manual", ()),
    ],
)
def test_the_events_that_it_waits_for(written: Any, events: tuple[str, ...]) -> None:
    trigger = TRIGGER.validate_python(written)
    assert trigger.events == events
    assert TRIGGER.validate_json(TRIGGER.dump_json(trigger)) == trigger


def test_a_date_is_waited_for_at_the_beginning() -> None:
    trigger = TRIGGER.validate_python({"date": "webinar_day", "before": "1d", "at": "09:00"})
    assert trigger.pause == RelativeDate(date="webinar_day", before=timedelta(days=1), at=time(9))
    assert TRIGGER.validate_python("manual").pause is None


@pytest.mark.parametrize(
    ("written", "place", "text"),
    [
        ({}, (), "this trigger names no cause; write promoted_to, event, form, asset, enters or date, or trigger: manual"),
        ({"event": "x", "enters": {"a": 1}}, (), "this trigger names 2 causes, event and enters; keep one of them"),
        ({"date": "d", "form": "x"}, (), "no event stands behind 'date'; delete 'where', 'asset' and 'form'"),
        ({"enters": {"a": 1}, "where": {"b": 1}}, (), "no event stands behind 'enters'; delete 'where', 'asset' and 'form'"),
        ({"event": "x", "before": "1d"}, (), "'before', 'after' and 'at' belong to a date; add 'date: …', the attribute that holds it"),
        ({"date": "d", "before": "1d", "after": "1d"}, (), "'before' and 'after' contradict each other; keep one of them"),
        ({"date": "d", "after": "3h", "at": "09:00"}, ("after",), "'3h' is not in whole days, and 'at' names the time of day; write 1d, or delete 'at'"),
        ({"date": "d", "at": "9am"}, ("at",), "'9am' is no time of day; did you mean '09:00'?"),
        ("manuell", (), "'manuell' puts nobody on the sequence; did you mean 'manual'?"),
    ],
)  # fmt: skip
def test_what_is_no_trigger(written: Any, place: tuple[str, ...], text: str) -> None:
    with pytest.raises(ValidationError) as raised:
        TRIGGER.validate_python(written)
    assert [(each["loc"], each["msg"].removeprefix("Value error, ")) for each in raised.value.errors()] == [(place, text)]


@pytest.mark.parametrize(
    ("written", "backfill"),
    [("from_now", None), ("backfill", LONGEST), ({"backfill": "90d"}, timedelta(days=90))],
)
def test_who_enters_when_it_is_put_in_force(written: Any, backfill: timedelta | None) -> None:
    enroll = ENROLL.validate_python(written)
    assert enroll.backfill == backfill
    assert ENROLL.dump_python(enroll) == written
    assert ENROLL.validate_json(ENROLL.dump_json(enroll)) == enroll

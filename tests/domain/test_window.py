"""A window as a marketer writes it: whose clock, whose holidays, spread over how long."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nurture.definitions.schema import schema_for
from nurture.domain.window import WEEKDAYS, Window
from tests.definitions.test_schema import faults

fallbacks = st.permutations(["person", "country", "Asia/Tokyo"]).map(
    lambda order: order[: order.index("Asia/Tokyo") + 1]  # behind a zone, nothing counts
)
written = st.fixed_dictionaries(
    {},
    optional={
        "days": st.sampled_from(["mon-fri", "sat,sun", ["tue", "mon"]]),
        "hours": st.sampled_from(["09:00-18:00", "20:00-08:00", "00:00-24:00"]),
        "timezone": st.sampled_from(["person", "Europe/Paris", "UTC"]) | fallbacks,
        "holidays": st.sampled_from(["FR", "person"]),
        "spread": st.sampled_from(["30m", "2h"]),
    },
)


@given(written)
def test_what_is_written_comes_back(window: dict[str, Any]) -> None:
    read = Window.model_validate(window)
    again = read.model_dump_json(exclude_defaults=True)
    assert Window.model_validate_json(again) == read
    assert Window.model_validate(read.model_dump()) == read
    schema = schema_for(Window)
    assert faults(window, schema, schema) == []


def test_the_time_zone_stays_as_it_was_written() -> None:
    for timezone in ("Europe/Paris", ["person", "country"], ["country", "Asia/Tokyo"], ["person"]):
        assert Window.model_validate({"timezone": timezone}).model_dump(mode="json", exclude_defaults=True) == {
            "timezone": timezone
        }
    assert Window.model_validate({"timezone": "person"}).model_dump(exclude_defaults=True) == {}


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({}, ("person", "country")),
        ({"timezone": "UTC"}, ("UTC",)),
        ({"timezone": ["country"]}, ("country",)),
        ({"timezone": ["country", "person", "UTC"]}, ("country", "person", "UTC")),
    ],
)
def test_fallbacks(window: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert Window.model_validate(window).fallbacks == expected


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({}, True),
        ({"timezone": "UTC", "spread": "1h"}, True),
        ({"days": [*reversed(WEEKDAYS)]}, True),
        ({"days": "mon-sat"}, False),
        ({"hours": "00:00-23:59"}, False),
        ({"holidays": "person"}, False),
    ],
)
def test_a_window_that_never_shuts(window: dict[str, Any], expected: bool) -> None:
    assert Window.model_validate(window).is_always_open is expected


def test_spread() -> None:
    assert Window.model_validate({"spread": "1h30m"}).spread == timedelta(minutes=90)


TWICE = "'person' stands here twice; delete one"
NOBODYS = "this names nobody's clock; write person, a zone like Europe/Paris, or [person, country]"


@pytest.mark.parametrize(
    ("window", "place", "text"),
    [
        ({"timezone": "persn"}, ("timezone",), "'persn' is no IANA time zone; did you mean 'person'?"),
        ({"timezone": "Paris"}, ("timezone",), "'Paris' is no IANA time zone; did you mean 'Europe/Paris'?"),
        ({"timezone": "MST8"}, ("timezone",), "'MST8' is no IANA time zone; did you mean 'MST'?"),
        ({"timezone": "moon base"}, ("timezone",), "'moon base' is no IANA time zone; write one like Europe/Paris"),
        (
            {"timezone": "country"},
            ("timezone",),
            "'country' is one of several fallbacks; write [country], or person, which asks it, too",
        ),
        ({"timezone": ["person", "contry"]}, ("timezone", 1), "'contry' is no IANA time zone; did you mean 'country'?"),
        ({"timezone": ["person", "country", "person"]}, ("timezone", 2), TWICE),
        (
            {"timezone": ["UTC", "person"]},
            ("timezone", 0),
            "'UTC' is always known, so what follows never counts; move it to the end",
        ),
        ({"timezone": [5]}, ("timezone", 0), "'5' is no IANA time zone; write one like Europe/Paris"),
        ({"timezone": []}, ("timezone",), NOBODYS),
        ({"timezone": 2}, ("timezone",), NOBODYS),
        ({"holidays": "fr"}, ("holidays",), "'fr' is no country; did you mean 'FR'?"),
        ({"holidays": "persons"}, ("holidays",), "'persons' is no country; did you mean 'person'?"),
        (
            {"holidays": "France"},
            ("holidays",),
            "'France' is no country; write two capital letters (ISO 3166), such as FR, or person",
        ),
        ({"holidays": 33}, ("holidays",), "33 is no country; write two capital letters (ISO 3166), such as FR, or person"),
        ({"spread": "1 hour"}, ("spread",), "'1 hour' is no duration; did you mean '1h'?"),
    ],
)
def test_mistakes_have_their_place(window: dict[str, Any], place: tuple[Any, ...], text: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Window.model_validate(window)
    assert [(each["loc"], each["msg"].removeprefix("Value error, ")) for each in raised.value.errors()] == [(place, text)]


def test_all_wrong_fallbacks_are_told_at_once() -> None:
    with pytest.raises(ValidationError) as raised:
        Window.model_validate({"timezone": ["persn", "person", "contry"]})
    assert [each["loc"] for each in raised.value.errors()] == [("timezone", 0), ("timezone", 2)]

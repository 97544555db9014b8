"""From the rows of somebody else's file to events of ours."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from nurture.adapters.addresses import parse_address
from nurture.domain.event import IDENTIFIED, PAGE_VIEWED, Event
from nurture.domain.imports.columns import taken_for
from nurture.domain.imports.mapping import Imported, ImportMapping
from nurture.domain.imports.rows import Refused, Row, Skipped, Surroundings, event_of
from nurture.domain.imports.spreadsheet import guarded, unguarded
from nurture.domain.imports.values import instant_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
AROUND = Surroundings(parse_address, lambda text: f"k{hash(text) % 10**12}", "f00d", NOW)


def mapping(imports: Imported = "events", **parts: Any) -> ImportMapping:
    fields: dict[str, Any] = {"name": "what", "occurred_at": "when", "user_id": "who"}
    fields = {"email": "Email"} if imports == "people" else fields
    return ImportMapping.model_validate({"imports": imports, **parts, "fields": fields | parts.get("fields", {})})


def decide(cells: dict[str, Any], by: ImportMapping | None = None, number: int = 1) -> Event | Skipped | Refused:
    cells = {"what": "signed_up", "when": "2026-03-01T10:00:00Z", "who": "u1"} | cells
    return event_of(Row(number, number + 1, cells), by or mapping(), AROUND)


def made(cells: dict[str, Any], by: ImportMapping | None = None, number: int = 1) -> Event:
    event = decide(cells, by, number)
    assert isinstance(event, Event), event
    return event


def refused(cells: dict[str, Any], by: ImportMapping | None = None) -> Refused:
    found = decide(cells, by)
    assert isinstance(found, Refused), found
    return found


def test_a_row_of_people_says_who_somebody_is() -> None:
    by = mapping("people", source="crm", assurance="verified", fields={"attributes.company": "Company", "language": "Lang"})
    event = made({"Email": " Ana@ACME.com ", "Company": "ACME", "Lang": "fr"}, by)
    assert (event.kind, event.name, event.email, event.source) == ("identify", IDENTIFIED, "ana@acme.com", "crm")
    assert (event.assurance, event.traits, event.context) == ("verified", {"company": "ACME"}, {"locale": "fr"})
    assert event.occurred_at == event.received_at == NOW


def test_a_row_of_events_keeps_its_date_however_old() -> None:
    event = made({"when": "2009-06-01T08:00:00+02:00"})
    assert (event.occurred_at, event.received_at) == (datetime(2009, 6, 1, 6, tzinfo=UTC), NOW)


def test_a_page_view_has_a_page_and_a_campaign() -> None:
    by = mapping(fields={"name": {"value": PAGE_VIEWED}, "url": "url", "user_agent": "agent"})
    event = made({"url": "https://x.com/pricing?utm_campaign=spring&utm_source=news", "agent": "Firefox"}, by)
    assert event.kind == "page"
    assert event.context["page"]["path"] == "/pricing"
    assert event.context["campaign"] == {"name": "spring", "source": "news"}
    assert event.context["userAgent"] == "Firefox"


@pytest.mark.parametrize(
    ("filling", "cells", "value"),
    [
        ({"value": 5}, {}, 5),
        ({"any": ["a", "b", {"value": "c"}]}, {"a": " ", "b": "B"}, "B"),
        ({"any": ["a", "b", {"value": "c"}]}, {}, "c"),
        ({"join": ["a", "b"]}, {"a": "Ana", "b": "Lee"}, "Ana Lee"),
        ({"join": ["a", "b"], "between": "-"}, {"a": "", "b": "Lee"}, "Lee"),
        ({"column": "a", "map": {"MQL": "mql"}}, {"a": "MQL"}, "mql"),
        ({"column": "a", "map": {"MQL": "mql"}}, {"a": "SQL"}, "SQL"),
        ({"column": "a", "map": {"MQL": "mql"}, "otherwise": "?"}, {"a": "SQL"}, "?"),
        ({"column": "a", "map": {"-": ""}}, {"a": "-"}, None),
        ({"column": "a", "type": "number"}, {"a": "1 200"}, 1200),
        ({"column": "a", "type": "number"}, {"a": "-3.5"}, -3.5),
        ({"column": "a", "type": "boolean"}, {"a": "Yes"}, True),
        ({"column": "a", "type": "json"}, {"a": "[1, 2]"}, [1, 2]),
        ({"column": "a.b"}, {"a": {"b": 7}}, 7),
        ({"column": "a.b"}, {"a.b": 8, "a": {"b": 7}}, 8),
    ],
)
def test_a_field_is_filled(filling: dict[str, Any], cells: dict[str, Any], value: Any) -> None:
    event = made(cells, mapping(fields={"properties.x": filling}))
    assert event.properties.get("x") == value


@pytest.mark.parametrize(
    ("cells", "column", "words"),
    [
        ({"when": ""}, "when", "nothing says when"),
        ({"when": "yesterday"}, "when", "'yesterday' is no instant"),
        ({"when": "2026-03-03T09:00:01Z"}, "when", "lies in the future"),
        ({"when": "1905-01-01"}, "when", "the year 1905"),
        ({"what": ""}, "what", "nothing says what happened"),
        ({"what": "x" * 129}, "what", "longer than 128"),
        ({"who": ""}, "who", "names nobody"),
        ({"who": "[object Object]"}, "who", "names nobody"),
        ({"who": "u\0"}, "who", "NUL"),
        ({"who": "\udcff"}, "who", "no text in the file's encoding"),
        ({"\udcff": "x"}, "\udcff", "no text in the file's encoding"),
        ({"extra": {"a": [{"\0": 1}]}}, "extra", "NUL"),
        ({"who": {"a": 1}}, "who", "is no text"),
        ({"n": "ten"}, "n", "'ten' is no number"),
        ({"n": 10**30}, "n", "too large"),
        ({"what": "x", "big": "x" * 40_000}, "", "holds 40,"),
    ],
)
def test_a_bad_row_is_refused_with_its_column_and_a_remedy(cells: dict[str, Any], column: str, words: str) -> None:
    found = refused(cells, mapping(fields={"properties.n": {"column": "n", "type": "number"}}))
    assert (found.column, bool(found.remedy)) == (column, True)
    assert words in found.what


def test_a_bad_address_is_refused_and_a_placeholder_is_none() -> None:
    by = mapping("people", fields={"user_id": "who"})
    assert refused({"Email": "ana@"}, by).column == "Email"
    event = made({"Email": "null"}, by)
    assert (event.email, event.warnings) == (None, ("email: 'null' names nobody and was left out",))


def test_an_id_that_names_nobody_is_left_out_with_a_warning__posthog_5527() -> None:
    event = made({"who": "undefined", "device": "d1"}, mapping(fields={"anonymous_id": "device"}))
    assert (event.user_id, event.anonymous_id) == (None, "d1")
    assert event.warnings == ("user_id: 'undefined' names nobody and was left out",)


def test_rows_are_left_out_by_a_condition_on_their_columns() -> None:
    by = mapping(skip_if={"any": [{"status": {"at_least": 400}}, {"geo.country": "XX"}, {"note": {"exists": False}}]})
    assert isinstance(decide({"status": 404, "note": "n"}, by), Skipped)
    assert isinstance(decide({"geo": {"country": "XX"}, "note": "n"}, by), Skipped)
    assert isinstance(decide({"note": ""}, by), Skipped)
    assert isinstance(decide({"status": 200, "note": "n"}, by), Event)


def test_a_hash_shows_nothing_and_changes_every_day_of_the_zone() -> None:
    fields = {"anonymous_id": {"hash": ["ip", "agent"], "per": "day"}, "user_id": {"value": ""}}
    by = mapping(timezone="Europe/Paris", fields=fields)

    def visitor(when: str, ip: str = "192.0.2.7") -> str | None:
        return made({"ip": ip, "agent": "F", "when": when}, by).anonymous_id

    evening, night = visitor("2026-02-01T22:59:00Z"), visitor("2026-02-01T23:01:00Z")
    assert evening == visitor("2026-02-01T08:00:00Z")
    assert evening != night
    assert evening != visitor("2026-02-01T08:00:00Z", "192.0.2.8")
    assert "192.0.2.7" not in made({"ip": "192.0.2.7", "agent": "F"}, by).model_dump_json()


def test_the_same_row_is_the_same_event_and_another_row_another() -> None:
    first, again, other = made({}, number=3), made({}, number=3), made({}, number=4)
    assert first.key == again.key != other.key
    assert first.fingerprint == again.fingerprint
    assert made({}, mapping(source="b"), 3).key != first.key


def test_the_rows_own_id_decides_where_there_is_one() -> None:
    by = mapping(fields={"message_id": "id"})
    assert made({"id": "m1"}, by, 1).key == made({"id": "m1"}, by, 9).key


def test_a_corrected_mapping_tells_people_anew_and_events_not() -> None:
    people = {"Email": "ana@acme.com", "Company": "ACME"}
    before, after = mapping("people"), mapping("people", fields={"attributes.company": "Company"})
    assert made(people, before).key != made(people, after).key
    assert made({}, mapping()).key == made({}, mapping(fields={"properties.x": "what"})).key


@pytest.mark.parametrize(
    ("value", "written", "expected"),
    [
        ("02/Mar/2026:09:00:00 +0100", "%d/%b/%Y:%H:%M:%S %z", datetime(2026, 3, 2, 8, tzinfo=UTC)),
        ("2026-07-01 09:00", "%Y-%m-%d %H:%M", datetime(2026, 7, 1, 7, tzinfo=UTC)),
        ("2026-01-01", None, datetime(2025, 12, 31, 23, tzinfo=UTC)),
        (1_772_442_000, None, NOW),
        (1_772_442_000_000, None, NOW),
        ("1772442000", None, NOW),
        ("1772442000.0", "unix", NOW),
        ("1772442000000", "unix_ms", NOW),
    ],
)
def test_instants_are_read(value: Any, written: str | None, expected: datetime) -> None:
    assert instant_of(value, written, ZoneInfo("Europe/Paris")) == expected


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"fields": {"emial": "x"}}, "did you mean 'email'?"),
        ({"imports": "people", "fields": {"url": "x", "email": "e"}}, "only events have 'url'"),
        ({"imports": "people", "fields": {"properties.a": "x", "email": "e"}}, "write attributes.a"),
        ({"fields": {"user_id": {"column": "a", "value": 1}}}, "'column' stands here already"),
        ({"fields": {"user_id": {"between": "-"}}}, "nothing says where the value comes from"),
        ({"fields": {"user_id": {"column": "a", "per": "day"}}}, "only beside 'hash'"),
        ({"fields": {"user_id": {"column": "a", "format": "unix"}}}, "only occurred_at is an instant"),
        ({"fields": {"occurred_at": {"hash": ["a"]}}}, "a hash is no instant"),
        ({"line": "(?P<who>"}, "no regular expression"),
        ({"line": "(who)"}, "no named group"),
        ({"line": "(?P<who>.)(?P<what>.)(?P<wen>.)"}, "'when' is no group of 'line'; did you mean 'wen'?"),
        ({"encoding": "klingon"}, "is no encoding"),
        ({"timezone": "Europe/Pari"}, "did you mean 'Europe/Paris'?"),
        ({"skip_if": {"a": {"lik": 1}}}, "unknown test 'lik'"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(parts: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as error:
        mapping(**{"imports": "events"} | parts)
    assert words in str(error.value)


def test_a_mapping_must_say_who_what_and_when() -> None:
    with pytest.raises(ValidationError) as error:
        ImportMapping.model_validate({"imports": "events", "fields": {"url": "u"}})
    for words in ("whom a row names", "what happened", "when it happened"):
        assert words in str(error.value)


def test_obvious_names_are_taken_for_what_they_say() -> None:
    columns = ["E-mail", "First Name", "jobTitle", "Company name", "Timestamp", "Favourite colour", "import_error", ""]
    taken = taken_for(columns, "people").columns
    assert taken == {
        "E-mail": "email", "First Name": "attributes.first_name", "jobTitle": "attributes.job_title",
        "Company name": "attributes.company", "Timestamp": "occurred_at", "Favourite colour": "attributes.favourite_colour",
        "import_error": None,
    }  # fmt: skip
    assert taken_for(["event", "anonymousId", "timestamp", "url", "plan", "utm_source"], "events").columns == {
        "event": "name", "anonymousId": "anonymous_id", "timestamp": "occurred_at", "url": "url", "plan": "properties.plan",
        "utm_source": "campaign.source",
    }  # fmt: skip


def test_of_two_columns_for_one_field_the_first_that_is_filled_counts() -> None:
    by = taken_for(["email", "Email Address"], "people").mapping
    assert made({"email": "", "Email Address": "ana@acme.com"}, by).email == "ana@acme.com"


def test_a_call_in_segments_format_is_taken_as_it_is() -> None:
    call = {
        "type": "track", "event": "Signed Up", "userId": "u1", "timestamp": "2026-02-01T00:00:00Z", "messageId": "m-7",
        "properties": {"plan": "pro"}, "context": {"ip": "192.0.2.7", "page": {"url": "https://x.com/a"}, "userAgent": "F"},
    }  # fmt: skip
    event = made(call, taken_for(call, "events").mapping)
    assert (event.name, event.user_id, event.message_id, event.properties) == ("Signed Up", "u1", "m-7", {"plan": "pro"})
    assert event.context == {"page": {"url": "https://x.com/a", "path": "/a"}, "userAgent": "F"}


@given(st.text(alphabet="'=+-@\t\r\n\uff1dab"))
@example("'=1+1")
@example("''")
def test_a_guarded_cell_runs_nowhere_and_comes_back_as_it_was(cell: str) -> None:
    assert unguarded(guarded(cell)) == cell
    assert guarded(cell)[:1] not in {*"=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"}


@given(st.dictionaries(st.text(max_size=8), st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
       lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=8)))  # fmt: skip
def test_whatever_a_row_holds_it_becomes_an_event_or_a_refusal(cells: dict[str, Any]) -> None:
    for imports in ("people", "events"):
        found = event_of(Row(1, 1, cells), taken_for(cells, imports).mapping, AROUND)
        if isinstance(found, Event):
            assert found.occurred_at <= NOW + timedelta(days=1)
            found.model_dump_json()
        else:
            assert isinstance(found, Refused)
            assert found.what

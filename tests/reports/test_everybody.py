"""What is told of everybody from a census equals what each of them is asked for, of any days; and a census is not told from for long."""

from datetime import datetime, timedelta
from importlib import import_module

import pytest
from sqlalchemy import Connection

from nurture.adapters.database.census import FRESH, Answer, store_census
from nurture.adapters.database.releases import Releases
from nurture.domain.definitions import Definitions
from nurture.reports.catalogue import builder
from nurture.reports.census import QUESTIONS, CountingEverybody
from nurture.reports.diagnose.cases import cases_of
from nurture.reports.diagnose.leads import NEWCOMERS, PAST_THRESHOLD, PROMOTED
from nurture.reports.diagnose.looking import Look
from nurture.reports.everybody import DAYS, EARLIER, Everybody, Span
from nurture.reports.market import MARKET
from nurture.reports.sequences.mails import unsubscribed_of_no_mail
from nurture.reports.sheet import Period, Report, local_day
from tests.reports.history import ZONE, period_of
from tests.support.definitions import definitions
from tests.support.events import event, form
from tests.support.installation import Installation

#: The reports that ask about everybody.
TOLD_OF_EVERYBODY = ("overview", "leads", "sequences", "diagnose")


def count_everybody(connection: Connection, installation: Installation) -> None:
    """A census, taken now."""
    at = installation.clock.now()
    answers = CountingEverybody(connection, Releases()).answers(installation.definitions, at)
    store_census(connection, answers, installation.definitions, at)


def without_as_of(report: Report) -> Report:
    sheets = tuple(
        each.model_copy(update={"remarks": tuple(remark for remark in each.remarks if remark.code not in {"counted", "now"})})
        for each in report.sheets
    )
    return report.model_copy(update={"sheets": sheets, "remarks": ()})


def codes(report: Report) -> set[str]:
    return {remark.code for remarks in (report.remarks, *(each.remarks for each in report.sheets)) for remark in remarks}


@pytest.mark.parametrize("name", TOLD_OF_EVERYBODY)
def test_a_report_tells_the_same_with_a_census(past: Installation, name: str) -> None:
    build, at = builder(name), past.clock.now()
    with past.engine.connect() as connection:
        asked = build(connection, past.definitions, period_of(), at)
        count_everybody(connection, past)
        told = build(connection, past.definitions, period_of(), at)
        connection.rollback()
    assert without_as_of(told) == without_as_of(asked)
    counts = name != "sequences" or "unsubscribed_of_no_mail" in codes(asked)
    assert ("counted" in codes(told)) == counts
    assert "counted" not in codes(asked)


def test_reports_that_ask_nothing_of_everybody_say_nothing_of_a_census(past: Installation) -> None:
    with past.engine.connect() as connection:
        count_everybody(connection, past)
        for name in ("demand", "content", "channels", "cohorts"):
            report = import_module(f"nurture.reports.{name}").build(connection, past.definitions, period_of(), past.clock.now())
            assert "counted" not in codes(report)
        connection.rollback()


@pytest.mark.parametrize("days", [1, 3, 7, 40])
def test_any_days_are_a_sum_in_which_each_counts_once(past: Installation, days: int) -> None:
    at, whole = past.clock.now(), period_of()
    spans = [Period(first=first, last=first + days - 1, timezone=ZONE) for first in range(whole.first, whole.last, 3)]
    with past.engine.connect() as connection:
        asked = [sums(connection, past.definitions, span) for span in spans]
        count_everybody(connection, past)
        everybody = Everybody(connection, past.definitions, at)
        told = [
            {question.name: added(everybody.answer_about(question, span)) for question in (NEWCOMERS, PAST_THRESHOLD, PROMOTED)}
            for span in spans
        ]
        connection.rollback()
    assert told == asked
    assert sum(bool(each["newcomers"]) for each in told) > 0


def sums(connection: Connection, in_force: Definitions, span: Period) -> dict[str, dict[str, list[int]]]:
    """What each question finds that is asked of the days as a whole."""
    whole = Span(connection, ZONE, span.last, span)
    questions = NEWCOMERS, PAST_THRESHOLD, PROMOTED
    return {each.name: added([row[2:] for row in each.ask(connection, in_force, whole)]) for each in questions}


def added(rows: Answer) -> dict[str, list[int]]:
    """Rows added up by the text that they begin with, if any."""
    found: dict[str, list[int]] = {}
    for row in rows:
        key, counts = (row[0], row[1:]) if isinstance(row[0], str) else ("", row)
        found[key] = [sum(both) for both in zip(counts, found.get(key, [0] * len(counts)), strict=True)]
    return found


def test_who_left_without_saying_by_which_mail_is_counted(past: Installation) -> None:
    past.happen(*(event("unsubscribed", past.clock.now(), anonymous_id=who) for who in ("one", "another")))
    at, whole = past.clock.now(), period_of()
    today = Period(first=local_day(at, ZONE), last=local_day(at, ZONE), timezone=ZONE)
    with past.engine.connect() as connection:
        asked = [unsubscribed_of_no_mail(Everybody(connection, past.definitions, at), span) for span in (whole, today)]
        count_everybody(connection, past)
        told = [unsubscribed_of_no_mail(Everybody(connection, past.definitions, at), span) for span in (whole, today)]
        connection.rollback()
    assert told == asked
    assert told[1] == 2


def test_days_that_are_too_far_away_are_asked_for(past: Installation) -> None:
    at = past.clock.now() + timedelta(days=DAYS - 30)  # the first of the days that are told apart lies amid what happened
    today = local_day(at, ZONE)
    across = [Period(first=today - DAYS + 1 + shift, last=today, timezone=ZONE) for shift in (-20, -1, 0, 1, 20)]
    earlier = [Period(first=EARLIER, last=today - DAYS + shift, timezone=ZONE) for shift in (-20, -1, 0, 1, 20)]
    with past.engine.connect() as connection:
        asked = [cases_of(Look(connection, past.definitions, each, at)) for each in across]
        asked_before = [sums(connection, past.definitions, each) for each in earlier]
        answers = CountingEverybody(connection, Releases()).answers(past.definitions, at)
        store_census(connection, answers, past.definitions, at)
        assert [cases_of(Look(connection, past.definitions, each, at)) for each in across] == asked
        everybody = Everybody(connection, past.definitions, at)
        for period, before in zip(earlier, asked_before, strict=True):
            assert added(everybody.answer_about(NEWCOMERS, period)) == before["newcomers"]
        connection.rollback()
    assert any(each["newcomers"] for each in asked_before)


def test_it_is_told_from_for_an_hour_and_only_by_its_own_definitions(installation: Installation) -> None:
    at = installation.clock.now()
    with installation.engine.begin() as connection:
        count_everybody(connection, installation)
    installation.happen(form("ana@acme.test"))
    others = definitions(sequences={})
    with installation.engine.connect() as connection:
        found = {
            (moment, whose): people_in_market(connection, in_force, at + moment)
            for moment in (timedelta(0), FRESH, FRESH + timedelta(seconds=1), timedelta(seconds=-1))
            for whose, in_force in (("its own", installation.definitions), ("others", others))
        }
    kept = {each for each, people in found.items() if not people}
    assert kept == {(timedelta(0), "its own"), (FRESH, "its own")}


def people_in_market(connection: Connection, in_force: Definitions, at: datetime) -> int:
    return sum(people for _, people, *_ in Everybody(connection, in_force, at).answer(MARKET))


def test_what_the_census_did_not_ask_is_asked_now(installation: Installation) -> None:
    at = installation.clock.now()
    with installation.engine.begin() as connection:
        store_census(connection, {"another": [[1]]}, installation.definitions, at)
    installation.happen(form("ana@acme.test"))
    with installation.engine.connect() as connection:
        assert people_in_market(connection, installation.definitions, at) == 1


def test_no_two_questions_have_one_name() -> None:
    assert len({question.name for question in QUESTIONS}) == len(QUESTIONS)

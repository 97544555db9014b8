"""Who would get what more, and who less; and the mails of each day."""

from datetime import UTC, date, datetime, timedelta

from nurture.reports.mail_calendar import mail_calendar
from nurture.simulation.apart import Setting, simulate
from nurture.simulation.calendar import days
from nurture.simulation.difference import Change, Count, difference
from nurture.simulation.story import MessageRow, Story
from tests.support.both_ways import kind_of_agent, no_holiday
from tests.support.definitions import GUIDE_SEQUENCE, definitions
from tests.support.events import MONDAY, download, form

EMPTY = Story(MONDAY, MONDAY, (), (), (), (), ())


def under(**changed: object) -> Story:
    setting = Setting(definitions(**changed), MONDAY, MONDAY + timedelta(days=30), no_holiday, kind_of_agent)
    people = ("ana@acme.test", "bob@acme.test")
    return simulate(setting, [each for name in people for each in (form(name, name), download(name))])


def mail(template: str, sent_at: datetime | None, status: str = "sent") -> MessageRow:
    return MessageRow("ana@acme.test", "s", 1, template, template, None, status, None, sent_at or MONDAY, sent_at)


def test_the_same_is_no_difference() -> None:
    assert not any(difference(under(), under()))


def test_what_an_edit_brings_and_takes_is_counted_and_named() -> None:
    shorter = GUIDE_SEQUENCE | {"steps": [{"id": "thanks", "email": "guide-thanks"}, {"id": "hello", "email": "welcome"}]}
    found = difference(under(), under(sequences={"guide-nurture": shorter}))
    assert found.mails == (
        Count(("guide-nurture", "case-study"), 2, 0),
        Count(("guide-nurture", "case-study-reminder"), 2, 0),
        Count(("guide-nurture", "welcome"), 0, 2),
    )
    assert (found.runs, found.stages) == ((), ())
    assert found.people[0] == Change(
        "ana@acme.test", ("guide-nurture: welcome",), ("guide-nurture: case-study", "guide-nurture: case-study-reminder")
    )
    assert [change.person for change in found.people] == ["ana@acme.test", "bob@acme.test"]


def test_stages_and_runs_are_compared_too() -> None:
    nobody = definitions().lifecycle.model_dump(by_alias=True) | {"promotions": []}
    found = difference(under(), under(lifecycle=nobody))
    assert found.runs == (Count(("guide-nurture",), 2, 0),)
    assert found.stages == (Count(("lead", "gated-download"), 2, 0),)
    assert "audience → lead" in found.people[0].less


def test_days_are_those_of_the_business_and_none_is_left_out() -> None:
    late_on_monday = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)  # Tuesday in Paris
    story = EMPTY._replace(
        message_rows=(mail("a", late_on_monday), mail("b", MONDAY + timedelta(days=3)), mail("c", None, "skipped"))
    )
    assert [(day.day, dict(day.mails)) for day in days(story, "Europe/Paris")] == [
        (date(2026, 3, 3), {"a": 1}), (date(2026, 3, 4), {}), (date(2026, 3, 5), {"b": 1}),
    ]  # fmt: skip
    assert days(EMPTY, "UTC") == []


def test_the_page_shows_each_day_and_asks_nobody_for_anything() -> None:
    story = EMPTY._replace(message_rows=(mail("<b>", MONDAY), mail("a", MONDAY), mail("a", MONDAY + timedelta(days=8))))
    page = mail_calendar(days(story, "UTC"), "guide", "UTC")
    assert "3 mails, 2026-03-02 to 2026-03-10; days of UTC" in page
    assert 'title="2026-03-02: &lt;b&gt;: 1, a: 1"' in page
    assert page.count('class="day') == 9
    assert not any(word in page for word in ("<script", "http:", "https:", "url(", "@import"))


def test_a_page_without_mails_says_so() -> None:
    assert "0 mails; days of UTC" in mail_calendar([], "guide", "UTC")

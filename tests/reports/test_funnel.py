"""The funnel counts humans, each once."""

from datetime import timedelta

import pytest

from nurture.domain.event import EMAIL_CLICKED
from nurture.reports.funnel import funnel
from tests.support.definitions import definitions
from tests.support.events import download, event, form, page
from tests.support.installation import BROWSER, CRAWLER, Installation, crawl


def test_nothing_has_happened(installation: Installation) -> None:
    found = funnel(installation.engine, installation.definitions)
    assert (found.visitors, found.engaged, found.downloads, found.leads, found.enrolled, found.mqls) == (0,) * 6
    assert [(each.sequence, each.enrolled, each.steps) for each in found.sequences] == [("guide-nurture", 0, ())]


def test_each_stage_of_the_funnel_counts_those_who_got_there(installation: Installation) -> None:
    installation.happen(
        page("/blog/a", "bounced"),
        page("/blog/a", "reader"), page("/blog/b", "reader"),
        form("ana@acme.test", "ana"), download("ana@acme.test"),
        page("/pricing", "hot"), page("/pricing", "hot"), form("hot@acme.test", "hot", job_title="Chief"), download("hot@acme.test"),
    )  # fmt: skip
    found = funnel(installation.engine, installation.definitions)
    assert (found.visitors, found.engaged, found.downloads, found.leads, found.enrolled) == (4, 3, 2, 2, 2)
    assert found.mqls == 1
    assert {each.stage: each.people for each in found.stages} == {"lead": 2, "mql": 1, "sql": 0, "opportunity": 0, "customer": 0}


def test_somebody_with_two_devices_is_one_visitor(installation: Installation) -> None:
    installation.happen(page("/a", "phone"), page("/b", "office"))
    assert funnel(installation.engine, installation.definitions).visitors == 2
    installation.happen(form("ana@acme.test", "office"))
    installation.happen(form("ana@acme.test", "phone"), download("ana@acme.test"))
    found = funnel(installation.engine, installation.definitions)
    assert (found.visitors, found.engaged, found.downloads, found.leads) == (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("seconds", "engaged"), [(9, 0), (10, 1), (9.99, 0), (10.5, 1), (-12, 0), ("no number", 1), (None, 0), ("1", 0)]
)
def test_who_stays_for_ten_seconds_is_engaged(installation: Installation, seconds: object, engaged: int) -> None:
    """A text that is no number must not break the report; whether its sender counts is no matter."""
    installation.happen(page("/a", "d"), event("page_engaged", anonymous_id="d", properties={"seconds": seconds}))
    assert funnel(installation.engine, installation.definitions).engaged == engaged


def test_machines_are_counted_apart(installation: Installation) -> None:
    installation.happen(*[crawl(f"/{n}") for n in range(3)])
    found = funnel(installation.engine, installation.definitions)
    assert (found.visitors, found.engaged, found.human_events, found.machine_events) == (0, 0, 0, 3)


def test_mails_and_clicks_are_counted_by_step(installation: Installation) -> None:
    for name in ("ana", "ben", "cem"):
        installation.happen(form(f"{name}@acme.test", name), download(f"{name}@acme.test"))
    installation.work()
    installation.later(seconds=60)
    twice = [installation.click("ana@acme.test", "thanks") for _ in range(2)]
    installation.happen(*twice, installation.click("ben@acme.test", "thanks", agent=CRAWLER))
    installation.later(days=2)
    installation.work()
    [sequence] = funnel(installation.engine, installation.definitions).sequences
    steps = {step.step: step for step in sequence.steps}
    assert sequence.enrolled == 3
    assert [step.step for step in sequence.steps] == ["thanks", "case", "reminder"]
    assert (steps["thanks"].sent, steps["thanks"].clicked, steps["thanks"].machine_clicks) == (3, 1, 1)
    assert (steps["case"].sent, steps["case"].clicked) == (3, 0)


def test_the_figures_agree_with_the_mails_on_the_wire(installation: Installation) -> None:
    installation.happen(*[each for n in range(7) for each in (form(f"p{n}@acme.test", f"d{n}"), download(f"p{n}@acme.test"))])
    installation.work()
    found = funnel(installation.engine, installation.definitions)
    assert found.mails_sent == len(installation.sink.mails) == 7


def test_a_click_on_a_mail_of_nobody_breaks_nothing(installation: Installation) -> None:
    installation.happen(form("ana@acme.test"))
    person = installation.person("ana@acme.test").id
    installation.happen(event(EMAIL_CLICKED, person=person, message=2**62, source="engine", context={"userAgent": BROWSER}))
    found = funnel(installation.engine, installation.definitions)
    assert (found.clicked, found.sequences[0].steps) == (1, ())


def test_steps_and_sequences_that_are_no_longer_defined_are_still_told(installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    installation.clock.advance(timedelta(minutes=1))
    installation.apply(definitions(sequences={}))
    [sequence] = funnel(installation.engine, installation.definitions).sequences
    assert (sequence.sequence, sequence.enrolled, [step.sent for step in sequence.steps]) == ("guide-nurture", 1, [1])

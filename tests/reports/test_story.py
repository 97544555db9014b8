"""One person's story says what is known, and why everything is as it is."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from nurture.adapters.database.tables import enrollments
from nurture.domain.event import UNSUBSCRIBED
from nurture.domain.stepping import MAILED_BEFORE
from nurture.errors import UnknownPerson
from nurture.reports.story import CAME_OF_IT, Story, story
from tests.support.definitions import DEFINITIONS, definitions
from tests.support.events import MONDAY, download, event, form, page
from tests.support.installation import Installation, crawl, with_every_outcome


def told(installation: Installation, who: str = "ana@acme.test", latest: int = 50) -> Story:
    return story(installation.engine, installation.definitions, who, installation.clock.now(), latest)


def test_a_lead_is_told_from_the_first_page_to_the_last_mail(installation: Installation) -> None:
    installation.happen(
        page("/blog/a"), page("/pricing"), form("ana@acme.test", job_title="Head of Sales"), download("ana@acme.test")
    )
    installation.work()
    installation.later(days=1)
    found = told(installation)
    assert (found.email, found.stage, found.grade) == ("ana@acme.test", "lead", "B")
    assert timedelta(seconds=found.stage_seconds) == timedelta(days=1)
    assert {each.kind for each in found.identifiers} == {"email", "anonymous_id", "submission"}
    [attribute] = found.attributes
    assert (attribute.name, attribute.value, attribute.source, attribute.at) == (
        "job_title",
        "Head of Sales",
        "form:guide",
        MONDAY,
    )
    [change] = found.stage_changes
    assert (change.from_stage, change.to_stage, change.rule, change.asset) == ("audience", "lead", "gated-download", "guide")
    assert change.event is not None
    assert (change.event.name, change.event.about) == ("asset_downloaded", "guide")
    [run] = found.enrollments
    assert (run.sequence, run.status, run.step) == ("guide-nurture", "waiting", "wait-after-thanks")
    assert run.due_at == MONDAY + timedelta(days=2)
    [mail] = run.messages
    assert (mail.step, mail.status, mail.subject, mail.sent_at) == ("thanks", "sent", "guide-thanks", MONDAY)
    assert [(each.rule, each.points) for each in found.fit_lines] == [("decision-maker", 45)]


def test_the_lines_of_engagement_sum_to_it_as_printed(installation: Installation) -> None:
    for _ in range(5):
        installation.happen(page("/blog/a", at=installation.clock.now()), page("/pricing", at=installation.clock.now()))
        installation.later(days=1)
    installation.happen(form("ana@acme.test", at=installation.clock.now()), page("/careers", at=installation.clock.now()))
    installation.later(days=3)
    found = told(installation)
    [score] = found.scores
    assert (len(score.lines), score.unexplained, score.engagement) == (11, 0, found.engagement)
    assert sum(round(100 * line.points) for line in score.lines) == round(100 * found.engagement)


def test_a_cap_shows_in_the_line_and_at_the_event(installation: Installation) -> None:
    installation.happen(*[page("/pricing", at=MONDAY + timedelta(minutes=n)) for n in range(3)], form("ana@acme.test"))
    found = told(installation)
    [line] = found.scores[0].lines
    assert (line.cut_by_cap, line.cut_by_group, line.earned, line.faded) == (10, 0, 20, 0)
    assert (line.rule, str(line.day), line.hits, line.counted, line.points) == ("pricing", "2026-03-02", 3, 2, 20.0)
    earned = [points for each in found.events for points in each.points]
    assert [(each.points, each.capped) for each in earned] == [(10, False), (10, False), (0, True)]


def test_points_of_rules_that_changed_since_are_told_apart(installation: Installation) -> None:
    installation.happen(page("/pricing"), form("ana@acme.test", job_title="Head"))
    scoring = DEFINITIONS["scoring"]
    fewer = {**scoring, "rules": [rule for rule in scoring["rules"] if rule["id"] != "pricing"], "fit": []}
    installation.apply(definitions(scoring=fewer))
    found = told(installation)
    [score] = found.scores
    assert (score.engagement, score.lines, score.unexplained) == (10.0, (), 10.0)
    assert (found.fit, found.fit_lines, found.fit_unexplained) == (45, (), 45)


def test_what_a_machine_did_is_told_with_the_reason_and_earns_nothing(installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), crawl("/pricing", "device-1"))
    line = next(each for each in told(installation).events if each.name == "page_viewed")
    assert (line.about, line.verdict, line.verdict_reasons, line.points) == ("/pricing", "machine", ("crawler_user_agent",), ())


def test_only_the_latest_events_are_told_but_all_are_counted(installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), *[page(f"/blog/{n}", at=MONDAY + timedelta(minutes=n + 1)) for n in range(9)])
    found = told(installation, latest=3)
    assert [each.about for each in found.events] == ["/blog/6", "/blog/7", "/blog/8"]
    assert found.events_in_all == 10
    assert [points.capped for each in found.events for points in each.points] == [True] * 3
    assert told(installation, latest=0).events == ()


def test_the_cause_of_a_promotion_is_told_even_if_it_is_long_ago(installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.happen(*[page("/x", at=MONDAY + timedelta(days=n + 1)) for n in range(5)])
    found = told(installation, latest=1)
    [cause] = [each.event for each in found.stage_changes]
    assert cause is not None
    assert cause.name == "asset_downloaded"


def test_what_somebody_did_before_they_were_known_is_theirs(installation: Installation) -> None:
    installation.happen(form("ana@acme.test", "office"))
    installation.happen(page("/pricing", "phone", at=MONDAY - timedelta(days=1)))
    installation.happen(form("ana@acme.test", "phone"))
    found = told(installation)
    assert len(found.merged) == 1
    assert found.events[0].about == "/pricing"
    assert found.scores[0].lines[0].rule == "pricing"


@pytest.mark.parametrize("who", ["ana@acme.test", " ANA@Acme.test ", "u-1", "device-1"])
def test_somebody_is_found_by_address_user_id_browser_or_our_id(installation: Installation, who: str) -> None:
    installation.happen(form("ana@acme.test"), event("identified", email="ana@acme.test", user_id="u-1"))
    ours = installation.person("ana@acme.test").id
    assert told(installation, who).person == ours
    assert told(installation, str(ours)).person == ours


def test_an_id_that_was_merged_leads_to_whom_it_turned_out_to_be(installation: Installation) -> None:
    installation.happen(form("ana@acme.test", "office"))
    installation.happen(page("/pricing", "phone"))
    before = told(installation, "phone")
    installation.happen(form("ana@acme.test", "phone"))
    assert before.email is None
    assert told(installation, str(before.person)).email == "ana@acme.test"


@pytest.mark.parametrize("who", ["nobody@acme.test", "12345", "9" * 19, "9" * 400, "٣", "", "' OR 1=1 --", "a\x01b"])
def test_nobody_is_said_to_be_nobody(installation: Installation, who: str) -> None:
    with pytest.raises(UnknownPerson):
        told(installation, who)


def test_a_suppressed_address_is_told_with_the_reason(installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.happen(event(UNSUBSCRIBED, person=installation.person("ana@acme.test").id, source="engine"))
    found = told(installation)
    assert found.suppression is not None
    assert found.suppression.reason == "unsubscribed"
    assert (found.enrollments[0].status, found.enrollments[0].reason) == ("exited", "unsubscribed")


def test_a_story_survives_json(installation: Installation) -> None:
    installation.happen(page("/pricing"), form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    found = told(installation)
    assert Story.model_validate_json(found.model_dump_json()) == found


def test_what_came_of_steps_is_told_and_since_when_a_run_waits(installation: Installation) -> None:
    with_every_outcome(installation)
    [run] = told(installation).enrollments
    assert run.outcomes == {"again": "exhausted", "demo": "timed_out", "interest": "happened"}
    assert (run.step, run.step_since) == ("wait-after-demo", MONDAY + timedelta(days=1, hours=1))
    assert set(run.outcomes.values()) == set(CAME_OF_IT)


def test_what_was_mailed_under_another_name_is_no_outcome(installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    with installation.engine.begin() as connection:
        connection.execute(update(enrollments).values(outcomes={MAILED_BEFORE: "guide-thanks", "demo": "happened"}))
    [run] = told(installation).enrollments
    assert run.outcomes == {"demo": "happened"}

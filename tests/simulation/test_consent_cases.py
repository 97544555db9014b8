"""In cases people confirm what they agreed to and choose what to receive, and what they really did so is recorded."""

import pytest

from nurture.domain.consent import address_mark
from nurture.domain.definitions import Definitions
from nurture.domain.preferences import Pace, told_in
from tests.simulation.test_recording import ANA, HOUR, Life, acts, posted
from tests.support.cases import differences, tried, wider
from tests.support.definitions import GUIDE_SEQUENCE
from tests.support.events import MONDAY

WHO = "person: {email: ana@acme.example, timezone: Europe/Paris}\n"


def made(*, double_opt_in: bool) -> Definitions:
    purpose = {"version": "1", "wording": {"en": "Yes."}, "topics": ["news"]}
    confirmed = {"double_opt_in": True, "confirm": "ask"} if double_opt_in else {}
    ask = {"sequence": "ask", "trigger": "manual", "steps": [{"id": "ask", "email": "confirm"}]}
    return wider(
        sequences={"guide-nurture": {**GUIDE_SEQUENCE, "topic": "news"}, "ask": ask},
        forms={"guide": {"asset": "guide", "deliver": "redirect", "consent": "marketing-email"}},
        consents={"purposes": {"marketing-email": purpose | confirmed}, "topics": {"news": {"en": "News"}}},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("{at: 0m, form: guide}", "{mails: [ask]}"),
        ("{at: 0m, form: guide}, {at: 1h, confirm: marketing-email}", "{mails: [ask, {step: thanks, at: 1h}, case, reminder]}"),
        ("{at: 0m, form: guide}, {at: 8d, confirm: marketing-email}", "{mails: [ask]}"),
        ("{at: 0m, form: guide, fields: {consent: false}}", "{mails: [], skipped: {step: thanks, reason: no_consent}}"),
    ],
)
def test_mail_waits_for_the_confirmation(given: str, expected: str) -> None:
    case = f"{WHO}given: [{given}]\nuntil: 20d\nexpect: {expected}\n"
    assert differences(case, made(double_opt_in=True)) == []


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (
            "{topics: {news: false}}",
            "{mails: [thanks], skipped: [{step: case, reason: topic_off}, {step: reminder, reason: topic_off}]}",
        ),
        ("{pause: 30d}", "{mails: [thanks], deferred: {step: case, reason: asked_to_pause}}"),
        (
            "{pace: weekly}",
            "{mails: [thanks, {step: case, at: 7d}, {step: reminder, at: 14d}], deferred: {step: case, reason: pace}}",
        ),
    ],
)
def test_what_they_choose_takes_effect(chosen: str, expected: str) -> None:
    given = f"{{at: 0m, form: guide}}, {{after: thanks, in: 1h, prefer: {chosen}}}"
    assert differences(f"{WHO}given: [{given}]\nuntil: 20d\nexpect: {expected}\n", made(double_opt_in=False)) == []


@pytest.mark.parametrize("act", ["confirm: marketing-email", "prefer: {pace: weekly}"])
def test_without_a_mail_there_is_no_link(act: str) -> None:
    (failure,) = tried(
        f"person: {{email: ana@acme.example}}\ngiven: [{{at: 0m, {act}}}]\nuntil: 1d\nexpect: {{mails: []}}",
        made(double_opt_in=False),
    ).failures
    assert failure.diff[0].startswith("no mail had gone by then")


def test_what_was_really_said_is_recorded() -> None:
    life = Life(made(double_opt_in=False))
    post, opened = posted()
    life.happen(post.model_copy(update={"properties": {**post.properties, "consent": "marketing-email"}}), opened)
    told = told_in({"news": True, "gone": False}, Pace.WEEKLY, MONDAY + 6 * HOUR)
    life.happen(
        life.in_mail("consent_confirmed", "thanks", MONDAY + HOUR, None, properties={"purpose": "marketing-email", "address": address_mark(ANA)}),
        life.in_mail("preferences_changed", "thanks", MONDAY + 2 * HOUR, None, properties=told),
    )  # fmt: skip
    assert acts(life.record())[1:] == [
        {"after": "guide-nurture/thanks", "in": "59m45s", "confirm": "marketing-email"},
        {
            "after": "guide-nurture/thanks",
            "in": "1h59m45s",
            "prefer": {"topics": {"news": True}, "pace": "weekly", "pause": "4h"},
        },
    ]

"""Every no has a reason, and it is the true one."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from nurture.adapters.database.tables import messages, people
from nurture.domain.event import UNSUBSCRIBED
from nurture.domain.holds import Hold
from nurture.domain.mail.brakes import Brake, Learned
from nurture.domain.mail.sending import MessageStatus, Reason
from nurture.errors import DefinitionError
from nurture.flow.hold import drain
from nurture.flow.hold_queue import hold
from nurture.reports.why_not import MEANINGS, WhyNot, why_not
from tests.support.definitions import DEFINITIONS, GUIDE_SEQUENCE, SENDING, THE_SAME_AGAIN, definitions
from tests.support.events import MONDAY, download, event, form, page
from tests.support.installation import CRAWLER, Installation, with_every_outcome


def ask(installation: Installation, who: str = "ana@acme.test") -> WhyNot:
    return why_not(installation.engine, installation.definitions, who, "guide-nurture", installation.clock.now())


def codes(installation: Installation) -> list[str]:
    return [each.code for each in ask(installation).findings]


def with_sequence(installation: Installation, **changed: Any) -> None:
    installation.apply(definitions(sequences={"guide-nurture": GUIDE_SEQUENCE | changed}))


def test_nobody_is_known(installation: Installation) -> None:
    found = ask(installation)
    assert (found.person, [each.code for each in found.findings]) == (None, ["unknown_person"])


def test_a_sequence_that_is_not_in_force_is_a_mistake_of_the_asker(installation: Installation) -> None:
    with pytest.raises(DefinitionError, match="did you mean 'guide-nurture'"):
        why_not(installation.engine, installation.definitions, "ana@acme.test", "guide-nurtur", MONDAY)


def test_no_address_is_known(installation: Installation) -> None:
    installation.happen(page("/a", "device-1"))
    found = ask(installation, "device-1")
    assert [each.code for each in found.findings] == ["no_address", "never_triggered"]


@pytest.mark.parametrize(
    ("trigger", "wanted"),
    [
        ({"event": ["x", "y"]}, "the sequence waits for: x or y; that never happened"),
        ({"form": "guide"}, "the sequence waits for: form_submitted, form guide; that never happened"),
        ({"enters": {"plan": "pro"}}, "the sequence waits for {'plan': 'pro'} to become true, which it is not"),
        ({"date": "webinar_day"}, "the sequence is taken around the webinar_day of people, which is not known of them"),
        (
            "manual",
            "nobody enters this sequence but by `nurture person enroll`, or when a server asks for it (enroll_requested)",
        ),
    ],
)
def test_what_the_sequence_waits_for(installation: Installation, trigger: Any, wanted: str) -> None:
    installation.happen(page("/a", "device-1"))
    with_sequence(installation, trigger=trigger)
    assert ask(installation, "device-1").findings[-1].text == wanted


def test_the_trigger_never_happened(installation: Installation) -> None:
    installation.happen(form("ana@acme.test"))
    [finding] = ask(installation).findings
    assert (finding.code, finding.text) == (
        "never_triggered", "the sequence waits for: promoted to lead, asset guide; that never happened",
    )  # fmt: skip


def test_the_promotion_had_another_cause(installation: Installation) -> None:
    with_sequence(installation, trigger={"promoted_to": "lead", "asset": "another"})
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    assert codes(installation) == ["trigger_not_met"]


@pytest.mark.parametrize(
    ("trigger", "code", "said"),
    [
        ("manual", "manual", "nobody enters this sequence but by `nurture person enroll`"),
        ({"enters": {"stage": "mql"}}, "trigger_not_met", "{'stage': 'mql'} to become true, which it is not"),
        ({"enters": {"stage": "audience"}}, "true_already", "it is so of them, but who had it so before"),
        ({"date": "webinar_day"}, "no_date", "which is 2026-02-01: it has passed"),
        ({"date": "birthday"}, "no_date", "which is not known of them"),
    ],
)
def test_a_trigger_that_no_event_pulls_is_told(installation: Installation, trigger: Any, code: str, said: str) -> None:
    installation.happen(form("ana@acme.test", webinar_day="2026-02-01"))
    with_sequence(installation, trigger=trigger)
    [finding] = ask(installation).findings
    assert finding.code == code
    assert said in finding.text


def test_a_machine_pulled_the_trigger(installation: Installation) -> None:
    with_sequence(installation, trigger={"event": "asset_downloaded"})
    scanned = download("ana@acme.test").model_copy(update={"context": {"userAgent": CRAWLER}})
    installation.happen(form("ana@acme.test"), scanned)
    [finding] = ask(installation).findings
    assert finding.code == "machine"
    assert "crawler_user_agent" in finding.text


def test_the_audience_is_another(installation: Installation) -> None:
    with_sequence(installation, audience={"country": "FR"})
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    [finding] = ask(installation).findings
    assert (finding.code, finding.text) == ("not_in_audience", "does not belong to the audience {'country': 'FR'}")


def test_the_audience_was_another_then(installation: Installation) -> None:
    with_sequence(installation, audience={"country": "FR"})
    later = installation.later(hours=1)
    installation.happen(form("ana@acme.test", at=later), download("ana@acme.test", at=later))
    installation.happen(form("ana@acme.test", at=later + timedelta(hours=1), country="FR"))
    assert codes(installation) == ["not_in_audience_then"]


def test_the_trigger_came_before_the_address(installation: Installation) -> None:
    with_sequence(installation, trigger={"event": "page_viewed"})
    installation.happen(page("/a", "device-1", at=MONDAY + timedelta(minutes=1)))
    installation.happen(form("ana@acme.test", "device-1", at=MONDAY + timedelta(minutes=2)))
    assert codes(installation) == ["triggered_before_address"]


def test_the_trigger_came_before_the_definitions(installation: Installation) -> None:
    installation.apply(definitions(sequences={}))
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.later(hours=1)
    with_sequence(installation)
    assert codes(installation) == ["triggered_before_definitions"]


def test_it_is_on_its_way(installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    found = ask(installation)
    assert found.mailed == 1
    assert [(each.code, each.at) for each in found.findings] == [
        ("in_progress", MONDAY + timedelta(days=2)),
        ("mail_sent", MONDAY),
    ]


def test_the_run_ended_with_a_reason_and_nobody_enters_twice(installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.happen(event("demo_requested", anonymous_id="device-1"))
    found = ask(installation)
    assert [each.code for each in found.findings] == ["completed", "no_reentry"]
    assert "goal: demo_requested" in found.findings[0].text


def test_an_unsubscribed_reader_is_told_first(installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.happen(event(UNSUBSCRIBED, person=installation.person("ana@acme.test").id, source="engine"))
    assert codes(installation) == ["suppressed", "exited", "no_reentry"]


@pytest.mark.parametrize(("after", "days", "told"), [("30d", 1, "may not enter again"), ("1d", 2, "may enter again with")])
def test_re_entry_takes_its_time(installation: Installation, after: str, days: int, told: str) -> None:
    with_sequence(installation, reentry={"after": after})
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.happen(event("demo_requested", anonymous_id="device-1"))
    installation.later(days=days)
    assert ask(installation).findings[-1].text.startswith(told)


def test_a_mail_that_was_capped_says_so(installation: Installation) -> None:
    installation.apply(definitions(sending=SENDING | THE_SAME_AGAIN | {"frequency_cap": {"messages": 1}}))
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    installation.later(days=2)
    installation.work()
    found = ask(installation)
    assert found.mailed == 1
    assert [each.text for each in found.findings if each.code == "mail_queued"] == [
        f"mail {step} is queued: capped until 2026-03-09 09:00 UTC; went instead: guide-nurture/thanks on 2 March"
        for step in ("case", "reminder")
    ]


def test_a_mail_that_lost_to_one_that_has_not_gone_yet_names_it(installation: Installation) -> None:
    window = {"days": "mon-sun"}
    winner = GUIDE_SEQUENCE | {"sequence": "first", "priority": 90, "window": window}
    loser = GUIDE_SEQUENCE | {"window": window}
    sequences = {"first": winner, "guide-nurture": loser}
    installation.apply(definitions(sequences=sequences, sending=SENDING | THE_SAME_AGAIN | {"frequency_cap": {"messages": 1}}))
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.sink.refuse("ana", "450 4.2.1 later", times=1)
    installation.work()
    [told] = [each.text for each in ask(installation).findings if each.code == "mail_queued"]
    assert told == "mail thanks is queued: capped until 2026-03-09 09:00 UTC; went instead: first/thanks"


def test_a_mail_whose_run_had_ended_says_why(installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    installation.later(days=2)
    with installation.engine.begin() as connection:
        skipped = {"status": MessageStatus.SKIPPED, "reason": Reason.ENROLLMENT_ENDED, "detail": "stage: customer"}
        connection.execute(update(messages).values(skipped))
    assert [each.text for each in ask(installation).findings if each.code == "mail_skipped"] == [
        "mail thanks was skipped: the run had ended before it went out: stage: customer"
    ]


def test_a_mail_that_failed_says_what_the_server_said(installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    with installation.engine.begin() as connection:
        connection.execute(update(messages).values(status=MessageStatus.FAILED, detail="550 no such user", sent_at=None))
        connection.execute(update(people).values(stage="lead"))
    assert [each.text for each in ask(installation).findings if each.code == "mail_failed"] == [
        "mail thanks failed: 550 no such user"
    ]


@pytest.mark.parametrize("status", MessageStatus)
def test_every_status_of_a_mail_is_told(installation: Installation, status: MessageStatus) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    with installation.engine.begin() as connection:
        connection.execute(update(messages).values(status=status))
    assert f"mail_{status}" in codes(installation)


def test_what_waits_for_others_says_for_whom(installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    with installation.engine.begin() as connection:
        connection.execute(update(messages).values(status="queued", reason=Reason.RATE, detail="recipients gmail is full"))
    [told] = [each.text for each in ask(installation).findings if each.code == "mail_queued"]
    assert told == f"mail thanks is queued: {MEANINGS[Reason.RATE]}: recipients gmail is full"


def test_every_reason_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Reason)


def test_a_cool_down_is_told_with_who_wanted_it_and_until_when(installation: Installation) -> None:
    rejection = {"id": "not-now", "on": "lead_rejected", "to": "audience", "cool_down": "30d"}
    with_rule = DEFINITIONS["lifecycle"] | {"rejections": [rejection]}
    sequence = GUIDE_SEQUENCE | {"trigger": {"promoted_to": "mql"}}
    installation.apply(definitions(lifecycle=with_rule, sequences={"guide-nurture": sequence}))
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    ana = installation.person("ana@acme.test").id
    said = event("lead_rejected", person=ana, source="engine", assurance="verified", properties={"reason": "no budget"})
    installation.happen(said)
    finding = ask(installation).findings[0]
    assert (finding.code, finding.at) == ("cool_down", MONDAY)
    assert finding.text.startswith("rejected by sales on 2026-03-02 (no budget): until 2026-04-01 09:00 UTC no score alone")
    installation.later(days=31)
    assert "cool_down" not in codes(installation)


def test_somebody_who_is_due_to_be_recounted_is_told_so(installation: Installation) -> None:
    installation.happen(form("ana@acme.test"))
    with installation.engine.begin() as connection:
        connection.execute(update(people).values(recount_at=MONDAY))
    assert codes(installation) == ["recount_due", "never_triggered"]


def test_what_came_of_steps_is_told_and_since_when_a_run_waits(installation: Installation) -> None:
    with_every_outcome(installation)
    assert [(each.code, each.text) for each in ask(installation).findings] == [
        ("in_progress", "is on it: waiting at step wait-after-demo since 2026-03-03 10:00 UTC"),
        ("step_exhausted", "step again: pool exhausted"),
        ("step_timed_out", "step demo: timed out"),
        ("step_happened", "step interest: happened"),
        ("mail_sent", "mail more was sent"),
    ]


def test_what_an_operator_holds_is_said_first(installation: Installation) -> None:
    at = installation.clock.now()
    installation.happen(form("ana@acme.test"))
    hold(installation.database, Hold("queue", "mail", "paused", "an upgrade", at, "ana"))
    hold(installation.database, Hold("queue", "handoff", "paused", None, at, "ana"))
    drain(installation.database, "guide-nurture", None, at)
    for name in ("acme.test", "other.test"):
        installation.database.routing.keep(Learned([Brake("domain", name, at, None, "they refuse us")], [], []))
    found = [(each.code, each.text) for each in ask(installation).findings if each.code in ("held", "draining")]
    assert found == [
        ("held", "the queue mail is held (an upgrade); `nurture resume queue mail` lets it go on"),
        ("held", "mail to acme.test is held (they refuse us); `nurture resume domain acme.test` lets it go on"),
        (
            "draining",
            "nobody enters guide-nurture any more since it is drained; `nurture resume sequence guide-nurture` ends that",
        ),
    ]

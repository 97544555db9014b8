"""How an enrollment walks its steps: tables of standings and instants, one kind of step after the other."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment, EnrollmentStatus, message_id
from nurture.domain.event import ASSET_DOWNLOADED
from nurture.domain.history import Past
from nurture.domain.mail.message import Reason
from nurture.domain.program import END
from nurture.domain.sequence import Sequence
from nurture.domain.stepping import MAILED_BEFORE, Standing, advance
from tests.support.definitions import GUIDE_SEQUENCE
from tests.support.sequences import definitions_with, folders
from tests.support.walking import (
    ACTIVE,
    CALENDAR,
    COMPLETED,
    DAY,
    EXITED,
    HOUR,
    MONDAY,
    WAITING,
    defined,
    known,
    mail,
    moved,
    run,
    templates,
    walk,
)

# ---- Mails and windows


def test_a_mail_is_planned_and_the_wait_behind_it_begins() -> None:
    move = walk(defined(mail("a"), {"wait": "2d"}, mail("b")))
    assert templates(move) == ["a"]
    assert (move.status, move.step, move.due_at, move.step_since) == (WAITING, "wait-after-a", MONDAY + 2 * DAY, MONDAY)


def test_a_wait_that_is_over_leads_on() -> None:
    definitions = defined(mail("a"), {"wait": "2d"}, mail("b"))
    at = MONDAY + 2 * DAY
    move = walk(definitions, run(definitions, "wait-after-a", due_at=at, step_since=MONDAY), at=at)
    assert (templates(move), move.status, move.reason) == (["b"], COMPLETED, "end")
    assert move.ended


def test_the_same_step_plans_the_same_message_every_time() -> None:
    first, again = (walk(defined(mail("a"))) for _ in range(2))
    assert first.messages[0].id == again.messages[0].id == message_id(1, "a")


def test_a_message_knows_its_step_its_priority_and_whether_it_waits_for_no_hour() -> None:
    [urgent, usual] = walk(defined(mail("a", window="any"), mail("b"), priority=80)).messages
    assert (urgent.any_time, usual.any_time) == (True, False)
    assert (urgent.step, urgent.priority, urgent.planned_at) == ("a", 80, MONDAY)


def test_a_shut_window_keeps_the_run_on_its_step() -> None:
    sunday = MONDAY - DAY
    guide = definitions_with({**GUIDE_SEQUENCE, "sequence": "s"})
    move = walk(guide, "case", at=sunday)
    opens = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # nine in Paris
    assert (move.status, move.step, move.messages, move.due_at) == (WAITING, "case", (), opens)
    later = walk(guide, moved(run(guide, "case"), move), at=opens)
    assert [(message.template, message.planned_at) for message in later.messages] == [
        ("case-study", opens),
        ("case-study-reminder", opens),
    ]


@pytest.mark.parametrize("kind", ["email", "pool"])
def test_the_person_s_zone_decides_when_the_window_says_so(kind: str) -> None:
    window = {"days": "mon-fri", "hours": "09:00-18:00", "timezone": "person"}
    step = {"id": "a", kind: "evergreen", "window": window}
    at = MONDAY.replace(hour=12)
    move = walk(defined(step), facts=known(at, timezone="Asia/Tokyo"), at=at)
    assert move.due_at == datetime(2026, 3, 3, 0, 0, tzinfo=UTC)  # Tuesday 09:00 in Tokyo


def test_those_who_waited_for_the_opening_are_spread_over_it() -> None:
    window = {"hours": "09:00-18:00", "timezone": "UTC", "spread": "2h"}
    definitions = defined(mail("a", window=window))
    night = MONDAY.replace(hour=3)
    due = {walk(definitions, run(definitions, person=person), at=night).due_at for person in range(200)}
    assert all(opens and MONDAY <= opens <= MONDAY + 2 * HOUR for opens in due)
    assert len(due) > 150


# ---- Variants and splits


def test_variants_are_drawn_by_weight_and_stay() -> None:
    people = range(20_000)
    variants = {"a": {"subject": "A"}, "b": {"weight": 3, "email": "other"}}
    definitions = defined(mail("hello", variants=variants))
    drawn = {}
    for person in people:
        [message] = walk(definitions, run(definitions, person=person), facts={}).messages
        assert message.template == {"a": "hello", "b": "other"}[message.variant or ""]
        drawn[person] = message.variant
    assert 0.74 < Counter(drawn.values())["b"] / len(people) < 0.76  # five standard deviations are 0.015
    again = walk(definitions, run(definitions, person=7, id=99, entry=2), facts={}).messages[0]
    assert again.variant == drawn[7]


def test_a_variant_does_not_depend_on_that_of_another_step() -> None:
    variants = {"a": {}, "b": {"subject": "B"}}
    definitions = defined(mail("x", variants=variants), mail("y", variants=variants))
    both = Counter(
        tuple(message.variant for message in walk(definitions, run(definitions, person=person), facts={}).messages)
        for person in range(4_000)
    )
    assert set(both) == {("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")}
    assert all(850 < count < 1_150 for count in both.values())


def test_a_split_draws_by_shares_and_stays() -> None:
    arms = [{"share": 20, "then": [mail("a")]}, {"share": 30, "then": [mail("b")]}, {"else": [mail("c")]}]
    definitions = defined({"branch": arms, "id": "fork"})
    drawn = {person: templates(walk(definitions, run(definitions, person=person), facts={}))[0] for person in range(20_000)}
    for name, share in (("a", 0.2), ("b", 0.3), ("c", 0.5)):
        assert abs(Counter(drawn.values())[name] / len(drawn) - share) < 0.015
    assert templates(walk(definitions, run(definitions, person=5, id=77, entry=3), facts={})) == [drawn[5]]


# ---- Branches, goto, pools


def test_a_branch_takes_the_first_arm_that_holds_and_meets_the_others_behind() -> None:
    arms = [{"if": {"stage": "mql"}, "then": [mail("demo")]}, {"if": {"fit": {"above": 10}}, "then": []}]
    definitions = defined({"branch": arms}, mail("bye"))
    assert templates(walk(definitions, facts={"stage": "mql", "fit": 20})) == ["demo", "bye"]
    assert templates(walk(definitions, facts={"stage": "lead", "fit": 20})) == ["bye"]
    assert templates(walk(definitions, facts={"stage": "lead"})) == ["bye"]


@pytest.mark.parametrize(("target", "mailed"), [("c", ["a", "c", "d"]), ("d", ["a", "d"]), (END, ["a"])])
def test_goto_leads_past_what_lies_between(target: str, mailed: list[str]) -> None:
    move = walk(defined(mail("a"), {"goto": target}, mail("b"), mail("c"), mail("d")))
    assert (templates(move), move.status, move.reason) == (mailed, COMPLETED, "end")


@pytest.mark.parametrize(
    ("mailed", "downloaded", "offered"),
    [
        ([], [], ["evergreen-0", "evergreen-1"]),
        (["evergreen-0"], [], ["evergreen-1", "evergreen-guide"]),
        (["evergreen-0", "evergreen-1"], [], ["evergreen-guide", "nothing-left"]),
        (["evergreen-0", "evergreen-1"], ["guide"], ["nothing-left"]),
    ],
)
def test_a_pool_gives_what_is_new(mailed: list[str], downloaded: list[str], offered: list[str]) -> None:
    """Two steps of one walk do not offer the same, and a pool that is exhausted says so."""
    exhausted = {"exhausted": [mail("nothing-left"), {"goto": "end"}]}
    definitions = defined(
        {"id": "one", "pool": "evergreen", **exhausted},
        {"id": "two", "pool": "evergreen", **exhausted} | {"exhausted": [mail("nothing-left-2", email="nothing-left")]},
    )
    facts = known(past=[Past(ASSET_DOWNLOADED, MONDAY - DAY, {"asset": asset}) for asset in downloaded])
    move = walk(definitions, facts=facts, mailed=mailed)
    assert templates(move) == offered
    step = "one" if offered == ["nothing-left"] else "two"
    assert move.outcomes == ({step: "exhausted"} if "nothing-left" in offered else {})


def test_what_a_step_of_this_walk_mails_is_no_news_to_the_pool_behind_it() -> None:
    move = walk(defined(mail("a", email="evergreen-0"), {"id": "b", "pool": "evergreen"}))
    assert templates(move) == ["evergreen-0", "evergreen-1"]


# ---- What changes a person, and whom it tells


@pytest.mark.parametrize(
    ("step", "name", "properties", "traits"),
    [
        ({"set": {"plan": "gold", "seats": 3}}, "step_set", {}, {"plan": "gold", "seats": 3}),
        ({"set": {"stage": "mql", "plan": "gold"}}, "step_set", {"stage": "mql"}, {"plan": "gold"}),
        ({"score": "article"}, "step_scored", {"rule": "article"}, {}),
    ],
)
def test_a_change_is_told_by_an_event_and_stops_the_walk(
    step: dict[str, Any], name: str, properties: dict[str, Any], traits: dict[str, Any]
) -> None:
    """What follows must see the person as they are then. When it should have been taken does not change."""
    at = MONDAY + 2 * HOUR
    move = walk(defined(mail("a"), step, mail("b")), at=at)
    own = f"{'set' if name == 'step_set' else 'score'}-after-a"
    [event] = move.events
    assert (event.name, event.traits, event.person, event.assurance, event.occurred_at) == (name, traits, 2, "verified", at)
    assert event.properties == {"sequence": "s", "step": own, **properties}
    assert event.message_id == f"1:{own}"
    assert (templates(move), move.status, move.step, move.due_at, move.step_since) == (["a"], ACTIVE, "b", MONDAY, None)


def test_a_change_as_the_last_step_ends_the_run_with_the_next_walk() -> None:
    definitions = defined({"set": {"plan": "gold"}})
    standing = run(definitions)
    move = walk(definitions, standing)
    assert (move.status, move.step) == (ACTIVE, END)
    move = walk(definitions, moved(standing, move))
    assert (move.status, move.reason, move.events) == (COMPLETED, "end", ())


def test_somebody_is_told_with_the_words_of_the_step() -> None:
    definitions = defined({"notify": "crm", "text": "Call"}, {"notify": "chat"})
    first, second = walk(definitions).alerts
    assert (first.endpoint, first.text, first.step, first.person) == ("crm", "Call", "notify-after-start", 2)
    assert (second.endpoint, second.text) == ("chat", None)
    assert first.id != second.id
    assert walk(definitions).alerts == (first, second)


# ---- Chains


def chained(**other: Any) -> Definitions:
    leading = {"sequence": "s", "trigger": "manual", "steps": [{"sequence": "other"}, mail("a")]}
    return definitions_with(leading, {"sequence": "other", "trigger": "manual", "steps": [mail("x")], **other})


def earlier_run(definitions: Definitions, status: EnrollmentStatus, ended: datetime | None) -> Enrollment:
    return run(definitions, "x", id=5, sequence="other", status=status, ended_at=ended)


def test_a_chain_begins_the_other_run_and_goes_on() -> None:
    definitions = chained()
    move = walk(definitions)
    [begun] = move.begun
    assert (begun.sequence, begun.person, begun.step, begun.status, begun.due_at) == ("other", 2, "x", ACTIVE, MONDAY)
    assert begun.version == definitions.versions["other"]
    assert (templates(move), move.status) == (["a"], COMPLETED)


def test_a_chain_to_a_sequence_that_is_held_begins_a_run_that_is_held() -> None:
    [begun] = walk(chained(), held={"other"}).begun
    assert begun.status == EnrollmentStatus.PAUSED


@pytest.mark.parametrize(
    ("other", "status", "ended", "begins"),
    [
        ({}, COMPLETED, MONDAY - 90 * DAY, False),  # never again
        ({"reentry": "after_exit"}, COMPLETED, MONDAY, True),
        ({"reentry": {"after": "30d"}}, EXITED, MONDAY - 30 * DAY, True),
        ({"reentry": {"after": "30d"}}, EXITED, MONDAY - 29 * DAY, False),
        ({"reentry": "after_exit"}, WAITING, None, False),  # they are on it
        ({"audience": {"stage": "mql"}}, None, None, False),
        ({"audience": {"stage": "lead"}}, None, None, True),
    ],
)
def test_the_other_sequence_decides_whom_a_chain_puts_on_it(
    other: dict[str, Any], status: EnrollmentStatus | None, ended: datetime | None, begins: bool
) -> None:
    definitions = chained(**other)
    runs = [earlier_run(definitions, status, ended)] if status else []
    begun = walk(definitions, runs=runs).begun
    assert [(each.entry, each.id != 5) for each in begun] == ([(len(runs) + 1, True)] if begins else [])


def test_a_chain_to_what_is_no_more_leads_nowhere() -> None:
    move = walk(defined({"sequence": "gone"}, mail("a")))
    assert (move.begun, templates(move)) == ((), ["a"])


def test_a_chain_leads_nobody_into_what_is_drained() -> None:
    assert walk(chained()).begun
    assert walk(chained(), closed={"other"}).begun == ()


# ---- Ends


def test_an_exit_condition_comes_before_the_step() -> None:
    guide = definitions_with({**GUIDE_SEQUENCE, "sequence": "s"})
    move = walk(guide, facts={"stage": "customer"})
    assert (move.status, move.reason, move.messages) == (EXITED, "stage: customer", ())


def test_a_step_that_no_longer_exists_ends_the_run_with_the_reason() -> None:
    move = walk(defined(mail("a")), "removed")
    assert (move.status, move.reason) == (EXITED, "step removed is not in version v")


def test_a_version_that_no_longer_exists_ends_the_run_with_the_reason() -> None:
    definitions = defined(mail("a"))
    standing = run(definitions, outcomes={"w": "happened"})
    move = advance(Standing(standing, None, known()), definitions, CALENDAR, MONDAY)
    assert (move.status, move.reason, move.outcomes) == (EXITED, "version v of the sequence is gone", {"w": "happened"})


def test_what_was_mailed_under_another_name_is_not_mailed_again() -> None:
    definitions = defined(mail("new-name", email="hello"), mail("b"))
    move = walk(definitions, run(definitions, outcomes={MAILED_BEFORE: "other hello"}))
    assert [(message.step, message.template, message.skipped) for message in move.messages] == [
        ("new-name", "hello", Reason.ALREADY_SENT), ("b", "b", None),
    ]  # fmt: skip


# ---- All together


@given(folders(("s", "beta", "gamma")), st.integers(0, 1 << 40), st.sampled_from(("2026-03-14", "2024-01-01", None)))
def test_every_walk_comes_to_its_end(definitions: Definitions, person: int, day: str | None) -> None:
    """Woken whenever it is due, a run ends after so many moves; no step mails twice, nothing is mailed early."""
    sequence: Sequence = definitions.sequences["s"]
    standing, at, mailed = run(definitions, person=person), MONDAY, set[str]()
    steps: list[str] = []
    for _ in range(2 * len(sequence.program.nodes) + 2):
        facts = known(at, webinar_day=day, renews_on=day, country="FR", engagement=30, fit=10)
        move = walk(definitions, standing, facts, at, mailed=mailed)
        assert all(message.planned_at <= at for message in move.messages)
        steps += [message.step for message in move.messages]
        mailed |= {*templates(move)}
        standing = moved(standing, move)
        if move.ended:
            break
        assert move.due_at
        assert (move.status == WAITING) == (move.step_since is not None)
        assert move.status == ACTIVE or move.due_at > at
        at = max(at, move.due_at)
    assert standing.status in (COMPLETED, EXITED)
    assert len(steps) == len(set(steps))

"""A sequence as it is written: what it holds, and what it may not say. How it is laid out: see test_program."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from nurture.domain.event import EMAIL_CLICKED
from nurture.domain.history import HistoryQuestion
from nurture.domain.pools import DOWNLOADS
from nurture.domain.sequence import Sequence, version_of
from nurture.domain.window import Window, parse_days

HEAD: dict[str, Any] = {"sequence": "guide", "trigger": {"promoted_to": "lead"}}


def sequence(*steps: dict[str, Any], **more: Any) -> Sequence:
    return Sequence.model_validate({**HEAD, "steps": list(steps), **more})


def mail(name: str) -> dict[str, Any]:
    return {"id": name, "email": name}


def test_a_version_changes_with_the_meaning_alone() -> None:
    plain = sequence(mail("a"), {"wait": "36h"}, audience={"a": 1, "b": 2})
    assert version_of(plain) == version_of(sequence(mail("a"), {"wait": "1d12h"}, audience={"b": 2, "a": 1}, reentry="never"))
    assert version_of(plain) != version_of(sequence(mail("a"), {"wait": "37h"}, audience={"a": 1, "b": 2}))
    assert len(version_of(plain)) == 12


def test_emails_in_the_order_written() -> None:
    some = sequence(mail("a"), {"branch": [{"if": {"x": 1}, "then": [mail("b")]}, {"else": [mail("c")]}]}, mail("d"))
    assert [step.email for step in some.emails()] == ["a", "b", "c", "d"]


def test_what_must_be_known_of_the_past_of_whoever_is_on_it() -> None:
    happened = {"happened": {"event": "x", "within": "3d"}}
    asking = sequence(
        mail("a"),
        {"id": "b", "pool": "evergreen"},
        {"id": "c", "wait_for": {"event": [EMAIL_CLICKED, "y"], "within": "1d"}},
        {"branch": [{"if": happened, "then": [mail("d")]}]},
        audience={"happened": {"event": "z"}},
    )
    assert {*asking.history()} == {HistoryQuestion(("x",), timedelta(days=3)), HistoryQuestion(("z",)), DOWNLOADS}
    assert asking.awaited_events == {EMAIL_CLICKED, "y"}
    assert not {*sequence(mail("a")).history()} | sequence(mail("a")).awaited_events


@pytest.mark.parametrize(
    ("change", "place", "text"),
    [
        ({"steps": []}, ("steps",), None),
        ({"steps": [mail("a"), mail("a")]}, ("steps", 1, "id"), "step id 'a' is used twice; give each its own"),
        (
            {"steps": [{"wait": "1d"}, {"id": "wait-after-start", "email": "a"}]},
            ("steps", 1, "id"),
            "step id 'wait-after-start' is used twice; give each its own",
        ),
        (
            {"steps": [mail("a"), {"goto": "c", "id": "b"}, mail("z")]},
            ("steps", 1, "goto"),
            "there is no step 'c'; write z or end",
        ),
        (
            {"steps": [mail("a"), {"goto": "a"}, mail("z")]},
            ("steps", 1, "goto"),
            "step 'a' lies behind; 'goto' leads forward only, so that nothing is mailed twice; name a later step, or 'end'",
        ),
        ({"steps": [mail("end")]}, ("steps", 0, "id"), "'end' means that the sequence is over; give this step another id"),
        (
            {"steps": [{"branch": [{"else": []}, {"if": {"a": 1}}]}, mail("z")]},
            ("steps", 0, "<BranchStep>", "branch", 0, "else"),
            "no arm behind 'else' is ever taken; move 'else' to the end",
        ),
        (
            {"steps": [{"branch": [{"else": [mail("a")]}]}, mail("z")]},
            ("steps", 0, "<BranchStep>"),
            "this branch asks nothing; add an arm {if: …, then: […]}, or write the steps without a branch",
        ),
        (
            {"steps": [5, mail("z")]},
            ("steps", 0),
            "this is no step; write {id: …, email: …}, {wait: 2d}, {branch: […]}, or one with wait_for, set, score, notify, goto, sequence or pool",
        ),
        (
            {"trigger": {}},
            ("trigger",),
            "this trigger names no cause; write promoted_to, event, form, asset, enters or date, or trigger: manual",
        ),
        (
            {"trigger": {"promoted_to": "lead", "event": "x"}},
            ("trigger",),
            "this trigger names 2 causes, promoted_to and event; keep one of them",
        ),
        ({"reentry": "always"}, ("reentry",), "'always' is no re-entry rule; write never, after_exit or {after: 180d}"),
        ({"reentry": {"after": "6 months"}}, ("reentry", "after"), None),
        ({"window": {"days": "lun-ven"}}, ("window", "days"), "'lun-ven' names no days; write mon-fri or mon,wed,fri"),
        ({"window": {"days": "Monday"}}, ("window", "days"), "'Monday' names no days; did you mean 'mon'?"),
        ({"window": {"hours": "9-18"}}, ("window", "hours"), "'9-18' names no hours; did you mean '09:00-18:00'?"),
        ({"window": {"hours": "09:00-25:00"}}, ("window", "hours"), "'09:00-25:00' names no hours; write them like 09:00-18:00"),
        ({"window": {"hours": "09:00+02:00-18:00"}}, ("window", "hours"), None),
        (
            {"window": {"hours": "09:00-09:00"}},
            ("window", "hours"),
            "'09:00-09:00' is empty; write another closing hour, or 00:00-24:00 for the whole day",
        ),
        (
            {"window": {"timezone": "Europe/Pari"}},
            ("window", "timezone"),
            "'Europe/Pari' is no IANA time zone; did you mean 'Europe/Paris'?",
        ),
        ({"window": {"timezone": "../UTC"}}, ("window", "timezone"), None),
    ],
)
def test_mistakes_have_their_place(change: dict[str, Any], place: tuple[Any, ...], text: str | None) -> None:
    with pytest.raises(ValidationError) as raised:
        Sequence.model_validate({**HEAD, "steps": [mail("a")], **change})
    told = [(each["loc"], each["msg"].removeprefix("Value error, ")) for each in raised.value.errors()]
    assert told == [(place, text or told[0][1])]


def test_a_branch_has_no_more_arms_than_the_alphabet_has_letters() -> None:
    arms = [{"if": {"fit": number}, "then": [mail(f"m{number}")]} for number in range(27)]
    with pytest.raises(ValidationError):
        sequence({"branch": arms})
    assert len(sequence({"branch": arms[:26]}).emails()) == 26


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri", ("mon", "tue", "wed", "thu", "fri")),
        ("sat-mon", ("mon", "sat", "sun")),
        ("wed,mon", ("mon", "wed")),
        ("mon-tue, tue-wed", ("mon", "tue", "wed")),
        (["fri", "mon"], ("fri", "mon")),
    ],
)
def test_days(text: Any, days: tuple[str, ...]) -> None:
    assert parse_days(text) == days
    assert Window.model_validate({"days": text}).days == days

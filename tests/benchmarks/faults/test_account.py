"""The account of faults sees what it is there to see: each way in which an engine could fail is told apart."""

from collections import Counter
from typing import Any

import pytest

from benchmarks.faults.account import FORBIDDEN, Account, Events, Mails, lines, settle

ANA, BEN = ("ana@example.com", "welcome"), ("ben@example.com", "welcome")

#: Three events were accepted; of one that was stored nobody heard the answer; one is poison.
EVENTS = Events(
    tried=frozenset({"a", "b", "c", "d", "e"}),
    accepted=frozenset({"a", "b", "c"}),
    planted=frozenset({"poison"}),
    stored=Counter(["a", "b", "c", "d"]),
    dead=Counter(["poison"]),
)
MAILS = Mails({ANA: "sent", BEN: "uncertain"}, Counter([ANA]), Counter(["<1@example.com>"]), bound=1)


def account(differences: int = 0, *, mails: Any = None, **events: Any) -> Account:
    return settle(EVENTS._replace(**events), MAILS._replace(**(mails or {})), differences)


def test_what_balances_has_no_mistakes() -> None:
    settled = account()
    assert settled.mistakes == ()
    assert (settled.accepted, settled.stored, settled.unanswered, settled.dead) == (3, 4, 1, 1)
    assert (settled.sent, settled.taken, settled.uncertain, settled.arrived) == (1, 1, 1, 0)


@pytest.mark.parametrize(
    ("events", "name"),
    [
        ({"stored": Counter(["a", "b", "d"])}, "lost"),
        ({"stored": Counter(["a", "a", "b", "c", "d"])}, "doubled"),
        ({"dead": Counter(["poison", "poison"])}, "doubled"),
        ({"dead": Counter(["poison", "a"]), "stored": Counter(["b", "c", "d"])}, "wrongly_dead"),
        ({"stored": Counter(["a", "b", "c", "d", "never sent"])}, "unheard_of"),
        ({"dead": Counter[str]()}, "not_set_aside"),
    ],
)
def test_a_mistake_with_events_is_named(events: dict[str, Any], name: str) -> None:
    settled = account(**events)
    assert getattr(settled, name) == 1
    assert f"1 {FORBIDDEN[name]}" in settled.mistakes


def test_an_event_that_is_stored_and_dead_counts_as_doubled() -> None:
    assert account(dead=Counter(["poison", "a"])).doubled == 1


@pytest.mark.parametrize(
    ("mails", "name"),
    [
        ({"taken": Counter([ANA, ANA])}, "twice"),
        ({"names": Counter(["<1@example.com>", "<1@example.com>"])}, "twice"),
        ({"taken": Counter()}, "never_came"),
        ({"stands": {ANA: "sent", BEN: "queued"}}, "unfinished"),
        ({"taken": Counter([ANA, ("eve@example.com", "welcome")])}, "not_known_as_sent"),
    ],
)
def test_a_mistake_with_mails_is_named(mails: dict[str, Any], name: str) -> None:
    settled = account(mails=mails)
    assert getattr(settled, name) == 1
    assert f"1 {FORBIDDEN[name]}" in settled.mistakes


def test_an_uncertain_letter_may_have_arrived() -> None:
    settled = account(mails={"taken": Counter([ANA, BEN]), "names": Counter(["<1@example.com>", "<2@example.com>"])})
    assert (settled.arrived, settled.mistakes) == (1, ())


def test_no_more_letters_are_uncertain_than_may_be() -> None:
    assert account(mails={"bound": 0}).mistakes == ("1 letters are uncertain where at most 0 may be",)


def test_what_was_emptied_before_it_was_absorbed_is_named_and_not_lost() -> None:
    settled = account(stored=Counter(["a", "b", "d"]), emptied=frozenset({"c"}))
    assert (settled.emptied, settled.lost, settled.mistakes) == (1, 0, ())


def test_a_difference_from_the_log_is_a_mistake() -> None:
    assert account(differences=2).mistakes == ("2 people differ from what the event log says of them",)


def test_all_of_it_is_printed() -> None:
    printed = "\n".join(lines(account(), faults=7))
    assert "faults                               7" in printed
    assert "events accepted                      3" in printed

"""Whatever is wrong at once, the causes stand before what follows from them."""

from hypothesis import given
from hypothesis import strategies as some

from nurture.adapters.broker import QUEUES
from nurture.reports.problems import KINDS, Problem, ordered, problem

#: Codes that come once for each of several, with whom they may be about.
_ABOUT = {"queue-unserved": QUEUES, "queue-held": QUEUES}


@some.composite
def _several(draw: some.DrawFn) -> list[Problem]:
    codes = draw(some.lists(some.sampled_from(list(KINDS)), unique=True))
    found = [problem(code, code, draw(some.sampled_from(_ABOUT[code])) if code in _ABOUT else None) for code in codes]
    return draw(some.permutations(found))


@given(_several())
def test_causes_stand_before_what_follows_from_them(found: list[Problem]) -> None:
    told = ordered(found)
    assert sorted(each.code for each in told) == sorted(each.code for each in found)
    for place, each in enumerate(told):
        if each.follows is not None:
            assert each.follows in [before.code for before in told[:place]]


@given(_several())
def test_the_order_does_not_depend_on_how_they_were_found(found: list[Problem]) -> None:
    assert ordered(found) == ordered(reversed(found))


@given(_several())
def test_the_first_is_a_cause_and_if_anything_stands_still_it_says_so(found: list[Problem]) -> None:
    told = ordered(found)
    if told:
        assert told[0].follows is None
        causes = [each for each in told if each.follows is None]
        assert [each.down for each in causes] == sorted((each.down for each in causes), reverse=True)


def test_every_cause_is_a_kind_that_stands_before() -> None:
    places = {code: place for place, code in enumerate(KINDS)}
    for code, kind in KINDS.items():
        for cause in kind.follows:
            named, _, about = cause.partition(":")
            assert places[named] < places[code], (code, cause)
            assert not about or about in QUEUES


def test_only_the_held_queue_explains_its_own_work() -> None:
    held, mails, steps = (
        problem("queue-held", "mail is held", "mail"),
        problem("mails-overdue", "3"),
        problem("steps-overdue", "2"),
    )
    told = ordered([steps, mails, held])
    assert [(each.code, each.follows) for each in told] == [
        ("queue-held", None),
        ("steps-overdue", None),
        ("mails-overdue", "queue-held"),
    ]
    assert told[0].command == "nurture resume queue mail"


def test_redis_away_explains_silent_processes() -> None:
    told = ordered([problem("beat-silent", "b"), problem("no-worker", "w"), problem("redis-full", "r")])
    assert [each.code for each in told] == ["redis-full", "no-worker", "beat-silent"]
    assert [each.follows for each in told] == [None, "redis-full", "redis-full"]


def test_every_kind_names_what_to_do_and_the_next_command() -> None:
    for code, kind in KINDS.items():
        assert kind.means.endswith("."), code
        assert kind.remedy, code
        assert kind.command is not None, code
        assert kind.command.startswith("nurture "), code

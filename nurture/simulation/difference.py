"""Two stories of the same events under different definitions: who gets what more, and who less."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from typing import NamedTuple, TypeVar

from nurture.domain.mail.sending import MessageStatus
from nurture.simulation.story import MessageRow, Story

T = TypeVar("T")


class Count(NamedTuple):
    """How often something happened before, and how often now."""

    what: tuple[str, ...]
    before: int
    now: int


class Change(NamedTuple):
    """What one person gets more and less of: mails as `sequence: template`, and stages as `promoted to …`."""

    person: str
    more: tuple[str, ...]
    less: tuple[str, ...]


class Difference(NamedTuple):
    """What is not the same. `mails` are counted by sequence and template, `runs` by sequence, `stages` by stage and rule."""

    mails: tuple[Count, ...]
    runs: tuple[Count, ...]
    stages: tuple[Count, ...]
    people: tuple[Change, ...]


def difference(before: Story, now: Story) -> Difference:
    """What changes from the story `before` to the story `now`."""
    return Difference(
        mails=_counts(sent(before), sent(now), lambda row: (row.sequence, row.template)),
        runs=_counts(before.runs(), now.runs(), lambda row: (row.sequence,)),
        stages=_counts(before.stage_changes(), now.stage_changes(), lambda row: (row.to_stage, row.rule)),
        people=tuple(_changes(before, now)),
    )


def sent(story: Story) -> list[MessageRow]:
    """The messages that were mailed."""
    return [row for row in story.messages() if row.status == MessageStatus.SENT]


def _counts(before: Iterable[T], now: Iterable[T], named: Callable[[T], tuple[str, ...]]) -> tuple[Count, ...]:
    was, becomes = Counter(map(named, before)), Counter(map(named, now))
    names = sorted(was.keys() | becomes.keys())
    return tuple(Count(name, was[name], becomes[name]) for name in names if was[name] != becomes[name])


def _changes(before: Story, now: Story) -> Iterable[Change]:
    was, becomes = _by_person(before), _by_person(now)
    for person in sorted(was.keys() | becomes.keys()):
        more, less = becomes.get(person, Counter()), was.get(person, Counter())
        if more != less:
            yield Change(person, _told(more - less), _told(less - more))


def _by_person(story: Story) -> dict[str, Counter[Hashable]]:
    gets: dict[str, Counter[Hashable]] = {}
    for mail in sent(story):
        gets.setdefault(mail.person, Counter())[f"{mail.sequence}: {mail.template}"] += 1
    for move in story.stage_changes():
        gets.setdefault(move.person, Counter())[f"{move.from_stage} → {move.to_stage}"] += 1
    return gets


def _told(counted: Counter[Hashable]) -> tuple[str, ...]:
    return tuple(f"{what} × {times}" if times > 1 else str(what) for what, times in sorted(counted.items(), key=str))

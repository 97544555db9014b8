"""What becomes of people in flight when other definitions come into force: the decision behind the verb *release*.

Whoever stands on a step that the new version still has, and has as the same kind of step, moves over and stays on it: a wait
goes on until it would have ended. Whoever would be stranded stops the release, until a map says where they go on or all are left
to finish the version they are on.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from collections.abc import Sequence as Ordered
from typing import Final, Literal, NamedTuple

from nurture.domain.definitions import Definitions
from nurture.domain.differences import described
from nurture.domain.program import (
    END,
    Branch,
    Chain,
    Change,
    Gate,
    Goto,
    Node,
    Notify,
    Offer,
    Send,
    Split,
    Wait,
    WaitFor,
)
from nurture.domain.sequence import Sequence
from nurture.domain.wording import instead

#: Why a run ended that a map led to the end.
MIGRATED_TO_THE_END: Final = "migrated to the end"


class Group(NamedTuple):
    """How many people stand on one step of one version of a sequence."""

    sequence: str
    version: str
    step: str
    people: int


#: `stays`: their version does not change. `moves`: to the new version, on the same step. `mapped`: to the new version, on another
#: step. `ends`: out, because a map says so. `finishes`: on the older version that they are on. `stranded`: nobody can say.
Fate = Literal["stays", "moves", "mapped", "ends", "finishes", "stranded"]


class Outlook(NamedTuple):
    """What becomes of a group, and on which step it goes on. `fresh` people take that step as if they had just come to it;
    the others go on waiting as they do. `why` and `suggested` (a step to map to) are told of stranded ones.
    """

    group: Group
    fate: Fate
    to: str | None = None
    fresh: bool = False
    why: str | None = None
    suggested: str | None = None


class Wishes(NamedTuple):
    """What is said of people in flight: where those on a step go on (by sequence, then by step), whether those on changed
    sequences finish their version instead, and of which sequences those come along who are on a still older version.
    """

    maps: Mapping[str, Mapping[str, str]] = {}
    finish_old: bool = False
    whole: frozenset[str] = frozenset()

    def takes_along(self, sequence: str, *, in_force: bool) -> bool:
        """Whether people on a sequence come along: those on the version `in_force`, or on an older one."""
        if sequence in self.whole:
            return True
        return in_force and (not self.finish_old or sequence in self.maps)


#: A version of a sequence, None if it is gone.
VersionOf = Callable[[str, str], Sequence | None]


def changed_sequences(before: Definitions | None, after: Definitions) -> list[str]:
    """The sequences that two sets of definitions have in different versions, or that only one of them has."""
    former = before.versions if before is not None else {}
    return sorted(name for name in {*former, *after.versions} if former.get(name) != after.versions.get(name))


def outlooks(
    before: Definitions | None, after: Definitions, groups: Iterable[Group], version_of: VersionOf, wishes: Wishes
) -> list[Outlook]:
    """What becomes of each group when `after` takes the place of `before`.

    Only people on the version in force come along; older versions are finished, unless the sequence is taken as a whole.
    """
    former = before.versions if before is not None else {}
    found = []
    for group in groups:
        name = group.sequence
        if group.version == after.versions.get(name):
            found.append(Outlook(group, "stays"))
        elif wishes.takes_along(name, in_force=group.version == former.get(name)):
            target = after.sequences.get(name)
            found.append(_outlook(group, version_of(name, group.version), target, wishes.maps.get(name, {})))
        else:
            found.append(Outlook(group, "finishes"))
    return found


def _outlook(group: Group, old: Sequence | None, new: Sequence | None, mapped: Mapping[str, str]) -> Outlook:
    node = old.program.nodes.get(group.step) if old is not None else None
    to = mapped.get(group.step)
    if to == END:
        return Outlook(group, "ends")
    there = new.program.nodes.get(to or group.step) if new is not None else None
    same = there is not None and type(there) is type(node)
    if to is not None:
        return Outlook(group, "mapped", to, fresh=not same)
    if same:
        return Outlook(group, "moves", group.step)
    return Outlook(group, "stranded", why=_why(node, new, there), suggested=_suggested(group.step, old, new))


_KINDS: Final[Mapping[type[Node], str]] = {
    Send: "email", Offer: "pool", Wait: "wait", WaitFor: "wait_for", Branch: "branch by conditions", Split: "branch by shares",
    Change: "set or score", Notify: "notify", Goto: "goto", Chain: "sequence", Gate: "gate of the trigger",
}  # fmt: skip


def _why(node: Node | None, new: Sequence | None, there: Node | None) -> str:
    if new is None:
        return "the sequence is gone"
    if there is None:
        return "the step is gone"
    if node is None:
        return "the version they are on is gone"
    return f"the step was '{_KINDS[type(node)]}' and is '{_KINDS[type(there)]}'"


def _suggested(step: str, old: Sequence | None, new: Sequence | None) -> str:
    """Where people on a step would most likely go on: on the same step under its new name, or on the next that is still there."""
    if new is None:
        return END
    if step in new.program.nodes or old is None:
        return step if step in new.program.nodes else new.program.first
    former, present = described(old), described(new)
    if step in former:
        renamed = [own for own, words in present.items() if own not in former and words == former[step]]
        if len(renamed) == 1:
            return renamed[0]
    node = old.program.nodes.get(step)
    while node is not None and step not in new.program.nodes:
        step = node.otherwise if isinstance(node, Branch | Split) else node.next
        node = old.program.nodes.get(step)
    return step if step in new.program.nodes else END


def mistakes(
    before: Definitions | None, after: Definitions, groups: Ordered[Group], version_of: VersionOf, wishes: Wishes
) -> list[str]:
    """What is wrong with the wishes: sequences and steps that there are not, and maps that lead from nowhere."""
    return [*_mistakes(before, after, groups, version_of, wishes)]


def _mistakes(
    before: Definitions | None, after: Definitions, groups: Ordered[Group], version_of: VersionOf, wishes: Wishes
) -> Iterator[str]:
    former = before.versions if before is not None else {}
    known = {*former, *after.versions, *(group.sequence for group in groups)}
    for name in sorted({*wishes.maps, *wishes.whole}):
        if name not in known:
            yield f"there is no sequence {name!r}; {instead(name, sorted(known))}"
            continue
        target = after.versions.get(name)
        theirs = [group for group in groups if group.sequence == name and name in wishes.whole and group.version != target]
        left = ({group.version for group in theirs} | ({former[name]} if name in former else set())) - {target}
        if wishes.maps.get(name) and not left:
            yield f"sequence {name!r} does not change; a map leads from its version in force to a new one"
            continue
        older = [found for each in sorted(left) if (found := version_of(name, each)) is not None]
        standing = [group.step for group in theirs]
        yield from _mistaken_maps(name, wishes.maps.get(name, {}), older, standing, after.sequences.get(name))


def _mistaken_maps(
    name: str, maps: Mapping[str, str], older: Ordered[Sequence], standing: Collection[str], new: Sequence | None
) -> Iterator[str]:
    leave = [*dict.fromkeys([*(step for each in older for step in each.program.nodes), *standing])]
    arrive = [*(new.program.nodes if new is not None else ()), END]
    for old_step, new_step in maps.items():
        if old_step not in leave:
            yield f"{name} had no step {old_step!r}; {instead(old_step, leave)}"
        if new_step not in arrive:
            yield f"{name} has no step {new_step!r} to go on at; {instead(new_step, arrive)}"


class Mails(NamedTuple):
    """What a version of a sequence mails: each e-mail with its step, and the steps that take theirs from pools."""

    named: frozenset[tuple[str, str]]
    pools: frozenset[str]

    def has_all_of(self, former: "Mails") -> bool:
        """Whether whatever another version mailed has the same name here."""
        return former.named <= self.named and former.pools <= self.pools


def mails_of(sequence: Sequence) -> Mails:
    """What a version of a sequence mails."""
    named = frozenset((step.id, email) for step in sequence.emails() for email in step.emails())
    return Mails(named, frozenset(step.id for step in sequence.pools()))


def renamed_outcomes(former: Sequence | None, target: Sequence, maps: Mapping[str, str]) -> Mapping[str, str]:
    """Steps of which later ones ask what came of them, and which maps lead to the same kind of step: what came of the old one
    is then what came of the new one, for those as well who are past it.
    """
    old, new = former.program.nodes if former is not None else {}, target.program.nodes
    return {
        before: after
        for before, after in maps.items()
        if before not in new and isinstance(old.get(before), WaitFor | Offer) and type(old[before]) is type(new.get(after))
    }

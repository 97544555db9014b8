"""Release: other definitions come into force, and people in flight go along.

In one transaction, in which no worker works: look who is in flight, decide what becomes of everybody, put the definitions in
force and move people. If somebody would be stranded nothing is changed at all.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from nurture.domain.definitions import Definitions
from nurture.domain.releasing import Group, Outlook, Wishes, changed_sequences, mistakes, outlooks
from nurture.domain.sequence import Sequence as SequenceDefinition
from nurture.errors import DefinitionError, Refused
from nurture.flow.conflicts import again_on_conflict


class Releasing(Protocol):
    """The database, as release sees it: one transaction."""

    def newest(self) -> int | None:
        """The id of the release in force; None before the first."""
        ...

    def definitions(self) -> Definitions:
        """The definitions in force; raises DefinitionError before the first, and for what this engine does not understand."""
        ...

    def standing(self, sequences: Collection[str]) -> list[Group]:
        """How many people are in flight on each step of each version of these sequences."""
        ...

    def versions(self, wanted: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], SequenceDefinition]:
        """At least the sequences named by (sequence, version), without those that are gone."""
        ...

    def put_in_force(self, definitions: Definitions, at: datetime, restores: int | None) -> None:
        """Store a release, unless the one in force is the same."""
        ...

    def move(self, found: Sequence[Outlook], definitions: Definitions, wishes: Wishes, at: datetime) -> None:
        """Let groups meet their fates; what came of their steps, and what they were mailed, stays known."""
        ...


class ReleaseStore(Protocol):
    """Opens the transactions of release."""

    def releasing(self) -> AbstractContextManager[Releasing]:
        """One transaction."""
        ...


class Forecast(NamedTuple):
    """What becomes of everybody in flight on what changes, and what is wrong with the wishes."""

    before: Definitions | None
    outlooks: Sequence[Outlook]
    mistakes: Sequence[str]

    @property
    def stranded(self) -> list[Outlook]:
        return [each for each in self.outlooks if each.fate == "stranded"]

    @property
    def refused(self) -> bool:
        """Whether nothing may be changed."""
        return bool(self.mistakes or self.stranded)


class Released(NamedTuple):
    """What came of a release: whether it was put in force, and the forecast by which it was, or was refused."""

    applied: bool
    forecast: Forecast


def forecast(transaction: Releasing, wanted: Definitions, wishes: Wishes) -> Forecast:
    """What would become of everybody; changes nothing."""
    before = _in_force(transaction)
    names = {*changed_sequences(before, wanted), *wishes.whole, *wishes.maps}
    groups = transaction.standing(names)
    in_force = before.versions if before is not None else {}
    pinned = transaction.versions(
        {(group.sequence, group.version) for group in groups} | {(name, in_force[name]) for name in names & in_force.keys()}
    )

    def version_of(sequence: str, version: str) -> SequenceDefinition | None:
        return pinned.get((sequence, version))

    found = outlooks(before, wanted, groups, version_of, wishes)
    return Forecast(before, found, mistakes(before, wanted, groups, version_of, wishes))


def _in_force(transaction: Releasing) -> Definitions | None:
    """None, too, for what an older engine wrote and this one does not understand: whoever is in flight then finishes it."""
    try:
        return transaction.definitions()
    except DefinitionError:
        return None


def release(
    store: ReleaseStore,
    wanted: Definitions,
    wishes: Wishes,
    at: datetime,
    *,
    seen: int | None,
    restores: int | None = None,
) -> Released:
    """Put definitions in force and move people in flight, or change nothing: see `Released.forecast`.

    `seen` is the release that whoever asks believes to be in force. Raises Refused when another one came into force meanwhile,
    Unavailable and Conflict.
    """

    def once() -> Released:
        with store.releasing() as transaction:
            newest, found = transaction.newest(), forecast(transaction, wanted, wishes)
            changes = found.before is None or found.before.digest != wanted.digest
            if changes and newest != seen:
                raise Refused(f"release {newest} came into force meanwhile; see what `nurture plan` says now, and apply again")
            if found.refused:
                return Released(applied=False, forecast=found)
            if changes:
                transaction.put_in_force(wanted, at, restores)
            transaction.move(found.outlooks, wanted, wishes, at)
        return Released(changes, found)

    return again_on_conflict(once)

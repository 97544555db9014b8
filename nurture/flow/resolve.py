"""Resolve: somebody found out what became of mails that were uncertain, and says so."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from nurture.domain.mail.message import MessageStatus
from nurture.domain.mail.uncertain import Finding, Settled, Uncertain, is_settled, settled
from nurture.errors import Refused
from nurture.flow.conflicts import again_on_conflict


class Resolving(Protocol):
    """The database, as resolve sees it: one transaction."""

    def mails(self, ids: Sequence[int]) -> Mapping[int, Uncertain]:
        """How mails stand, kept from workers and reports until the transaction ends."""
        ...

    def settle(self, outcomes: Sequence[Settled], at: datetime) -> None:
        """Write what mails come to; what lost to one that does not go is looked at again from an instant on."""
        ...


class ResolveStore(Protocol):
    """Opens the transactions of resolve."""

    def resolving(self) -> AbstractContextManager[Resolving]:
        """One transaction."""
        ...


class Resolved(NamedTuple):
    """The mails that came to what was found out, and those that stood there already."""

    resolved: list[int]
    already: list[int]


def resolve(store: ResolveStore, ids: Sequence[int], finding: Finding, at: datetime) -> Resolved:
    """Settle uncertain mails, all of them or none; safe to run twice.

    Raises Refused, naming each, if one does not exist or is not uncertain: of those it is known where they stand.
    """

    def once() -> Resolved:
        with store.resolving() as transaction:
            found = transaction.mails(ids)
            already = [id_ for id_ in ids if id_ in found and is_settled(found[id_], finding)]
            wanted = [id_ for id_ in dict.fromkeys(ids) if id_ not in already]
            wrong = [_wrong(id_, found.get(id_)) for id_ in wanted if not _is_uncertain(found.get(id_))]
            if wrong:
                raise Refused(
                    f"{'; '.join(wrong)}. Nothing was changed; `nurture messages uncertain` lists those that can be resolved"
                )
            transaction.settle([settled(found[id_], finding, at) for id_ in wanted], at)
            return Resolved(wanted, already)

    return again_on_conflict(once)


def _is_uncertain(mail: Uncertain | None) -> bool:
    return mail is not None and mail.status == MessageStatus.UNCERTAIN


def _wrong(id_: int, mail: Uncertain | None) -> str:
    return f"there is no message {id_}" if mail is None else f"message {id_} is {mail.status}, not uncertain"

"""The account of a run: what was accepted against what is stored, and what was sent against what arrived. Pure."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

#: A letter to somebody: the reader's address and the step.
Letter = tuple[str, str]


class Events(NamedTuple):
    """What everybody says of the events, by their ids.

    `tried` were sent at least once, `accepted` answered 2xx, `planted` put into the stream past the web process because they
    cannot be stored. `emptied` were accepted and not absorbed when Redis was emptied, of which nothing is promised.
    """

    tried: AbstractSet[str]
    accepted: AbstractSet[str]
    planted: AbstractSet[str]
    stored: Counter[str]
    dead: Counter[str]
    emptied: AbstractSet[str] = frozenset()


class Mails(NamedTuple):
    """What everybody says of the letters: where they stand in the database, and what the mail server took.

    `names` are the Message-IDs that it saw. At most `bound` letters may be uncertain.
    """

    stands: Mapping[Letter, str]
    taken: Counter[Letter]
    names: Counter[str]
    bound: int


class Account(NamedTuple):
    """The figures. Those of `FORBIDDEN` must be zero."""

    accepted: int
    stored: int
    dead: int
    planted: int
    emptied: int
    unanswered: int
    lost: int
    doubled: int
    unheard_of: int
    wrongly_dead: int
    not_set_aside: int
    letters: int
    sent: int
    taken: int
    uncertain: int
    arrived: int
    bound: int
    twice: int
    never_came: int
    not_known_as_sent: int
    unfinished: int
    differences: int

    @property
    def mistakes(self) -> tuple[str, ...]:
        """What does not balance, in words; nothing when all of it does."""
        return tuple(self._mistakes())

    def _mistakes(self) -> Iterator[str]:
        for name, what in FORBIDDEN.items():
            number = getattr(self, name)
            if number:
                yield f"{number} {what}"
        if self.uncertain > self.bound:
            yield f"{self.uncertain} letters are uncertain where at most {self.bound} may be"
        if self.stored + self.dead - self.planted + self.emptied != self.accepted + self.unanswered:
            yield "accepted is not stored and dead together"


#: What may not be, and what it is called.
FORBIDDEN: Mapping[str, str] = {
    "lost": "accepted events are neither stored nor among the dead letters",
    "doubled": "events are there twice",
    "unheard_of": "stored events were never sent",
    "wrongly_dead": "events that can be stored are among the dead letters",
    "not_set_aside": "events that cannot be stored are not among the dead letters",
    "twice": "letters were mailed twice",
    "never_came": "letters are noted as sent and never came",
    "not_known_as_sent": "letters came and are neither noted as sent nor as uncertain",
    "unfinished": "letters have come to nothing",
    "differences": "people differ from what the event log says of them",
}


def settle(events: Events, mails: Mails, differences: int) -> Account:
    """The account of what everybody says."""
    stored, dead = events.stored.keys(), events.dead.keys()
    sent = _standing(mails, "sent")
    uncertain = _standing(mails, "uncertain")
    return Account(
        accepted=len(events.accepted),
        stored=len(stored),
        dead=len(dead),
        planted=len(events.planted),
        emptied=len(events.emptied - stored),
        unanswered=len((stored | dead) - events.accepted - events.planted),
        lost=len(events.accepted - stored - dead - events.emptied),
        doubled=_repeated(events.stored) + _repeated(events.dead) + len(stored & dead),
        unheard_of=len(stored - events.tried),
        wrongly_dead=len(dead - events.planted),
        not_set_aside=len(events.planted - dead),
        letters=len(mails.stands),
        sent=len(sent),
        taken=mails.taken.total(),
        uncertain=len(uncertain),
        arrived=len(uncertain & mails.taken.keys()),
        bound=mails.bound,
        twice=max(_repeated(mails.taken), _repeated(mails.names)),
        never_came=len(sent - mails.taken.keys()),
        not_known_as_sent=len(mails.taken.keys() - sent - uncertain),
        unfinished=len(mails.stands) - len(sent) - len(uncertain),
        differences=differences,
    )


def _standing(mails: Mails, status: str) -> AbstractSet[Letter]:
    return {letter for letter, each in mails.stands.items() if each == status}


def _repeated(counted: Counter[str] | Counter[Letter]) -> int:
    """How many there are too many."""
    return counted.total() - len(counted)


def lines(account: Account, faults: int) -> Collection[str]:
    """The account as it is printed."""
    return [
        f"faults                       {faults:>9,}",
        f"events accepted              {account.accepted:>9,}",
        f"  stored once                {account.stored - account.unanswered:>9,}",
        f"  dead letters               {account.wrongly_dead:>9,}",
        f"  lost with an emptied Redis {account.emptied:>9,}  (accepted and not absorbed when it was emptied)",
        f"  lost                       {account.lost:>9,}",
        f"  counted twice              {account.doubled:>9,}",
        f"stored without an answer     {account.unanswered:>9,}  (the answer was lost on its way; counted once all the same)",
        f"stored and never sent        {account.unheard_of:>9,}",
        f"poisoned events put in       {account.planted:>9,}",
        f"  set aside as dead letters  {account.dead - account.wrongly_dead:>9,}",
        f"letters                      {account.letters:>9,}",
        f"  noted as sent              {account.sent:>9,}",
        f"  taken by the mail server   {account.taken:>9,}  ({account.arrived:,} of them uncertain)",
        f"  mailed twice               {account.twice:>9,}",
        f"  noted as sent, never came  {account.never_came:>9,}",
        f"  uncertain                  {account.uncertain:>9,}  (at most {account.bound:,} by the rule)",
        f"  come to nothing            {account.unfinished:>9,}",
        f"differences of nurture verify{account.differences:>9,}",
    ]

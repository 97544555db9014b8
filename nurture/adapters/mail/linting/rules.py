"""What a rule is, and the list of all rules. docs/mail-checklist.md shows it."""

from collections.abc import Callable, Iterator
from typing import Final, Literal, NamedTuple

from nurture.adapters.mail.linting.context import Context, Envelope
from nurture.adapters.mail.linting.mail import Mail

Level = Literal["E", "W"]

#: Yields what is wrong with a mail, each as `what; what to do`. It never shows an address: findings are stored and logged.
Check = Callable[[Mail, Envelope, Context], Iterator[str]]


class Finding(NamedTuple):
    """What is wrong with a mail. A mail with a finding of level E must not go out; W is for its author to weigh."""

    id: str
    level: Level
    text: str


class Rule(NamedTuple):
    """A rule of the checklist; one id may have a rule of each level. `at_once` rules are cheap: the writer asks them before each send."""

    id: str
    level: Level
    asks: str
    at_once: bool
    check: Check


RULES: Final[list[Rule]] = []


def rule(id: str, level: Level, asks: str, *, at_once: bool = False) -> Callable[[Check], Check]:  # noqa: A002 - the checklist's word
    """Puts a check into the list: what it asks of a mail is one sentence, as docs/mail-checklist.md has it."""

    def registered(check: Check) -> Check:
        RULES.append(Rule(id, level, asks, at_once, check))
        return check

    return registered

"""The linter: every rule of docs/mail-checklist.md on one mail."""

import re
from collections.abc import Iterator

from nurture.adapters.mail.linting import body, envelope, frame, headers, links, streams
from nurture.adapters.mail.linting.context import Context, Envelope
from nurture.adapters.mail.linting.mail import Mail, Shown
from nurture.adapters.mail.linting.rules import RULES, Finding, Rule

#: The modules that register the rules.
MODULES = (envelope, headers, streams, body, links, frame)

_LETTERS = "VHB"


def all_rules() -> list[Rule]:
    """Every rule, in the order of the checklist."""
    return sorted(RULES, key=lambda rule: (_LETTERS.index(rule.id[0]), int(re.sub(r"\D", "", rule.id)), rule.level))


_ALL = tuple(all_rules())
_AT_ONCE = tuple(rule for rule in _ALL if rule.at_once and rule.level == "E")


def lint(raw: bytes, envelope: Envelope, context: Context) -> list[Finding]:
    """Everything that is wrong with a mail; it never raises, whatever the bytes."""
    return [*_findings(_ALL, raw, envelope, context)]


def lint_at_once(raw: bytes, envelope: Envelope, context: Context, shown: Shown | None = None) -> list[Finding]:
    """What must keep a mail from going out and is found in a fraction of a millisecond: for each mail before it is sent."""
    return [*_findings(_AT_ONCE, raw, envelope, context, shown)]


def _findings(
    rules: tuple[Rule, ...], raw: bytes, envelope: Envelope, context: Context, shown: Shown | None = None
) -> Iterator[Finding]:
    mail = Mail(raw, shown)
    for rule in rules:
        for text in rule.check(mail, envelope, context):
            yield Finding(rule.id, rule.level, text)

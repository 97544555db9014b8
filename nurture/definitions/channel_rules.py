"""What must be true of the table of channels: every rule asks about something there is, and can be the one that decides."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from nurture.definitions.config import CHANNELS, Config, Finding
from nurture.definitions.reach import includes, never_holds
from nurture.domain.channel_table import UNASSIGNED
from nurture.domain.channels import FACTS, SOURCE_CATEGORY, ChannelRule
from nurture.domain.model import Place
from nurture.domain.wording import instead


def channel_rules_ask_about_visits(config: Config) -> Iterator[Finding]:
    """Whatever else is asked about is never there."""
    for place, rule in _rules(config):
        for inner, _ in rule.when.questions() if rule.when else ():
            fact = str(inner[-1])
            if fact not in FACTS:
                text = f"{fact!r} is nothing known of a visit; {instead(fact, FACTS)}"
                yield Finding(CHANNELS, (*place, "when", *inner), text, in_key=True)


def lists_of_sources_exist(config: Config) -> Iterator[Finding]:
    """A rule that names a list means one that is built in or written in the file."""
    if CHANNELS in config.damaged:
        return  # the list may be what was cut out
    lists = sorted(config.channels.lists)
    for place, rule in _rules(config):
        for inner, operand in rule.when.questions() if rule.when else ():
            if inner[-1] != SOURCE_CATEGORY:
                continue
            for within, name in _names(operand):
                if name not in lists:
                    text = f"unknown list {name!r}; {instead(name, lists)}"
                    yield Finding(CHANNELS, (*place, "when", *inner, *within), text)


def _names(operand: Any) -> Iterator[tuple[Place, Any]]:
    """The values that a fact is compared with as a whole, each with its place."""
    if isinstance(operand, dict):
        for test in ("equals", "in"):
            for place, name in _names(operand[test]) if test in operand else ():
                yield (test, *place), name
    elif isinstance(operand, list):
        yield from (((index,), name) for index, name in enumerate(operand))
    else:
        yield (), operand


def every_visit_has_a_channel(config: Config) -> Iterator[Finding]:
    """The last rule, and no other, takes every visit that is left."""
    rules = config.channels.rules
    if rules is None or CHANNELS in config.damaged:
        return  # a rule, or the condition of one, may be what was cut out
    for index, rule in enumerate(rules[:-1]):
        if rule.when is None:
            text = (
                f"this rule takes every visit, so none after it is ever reached; add 'when', or move {rule.channel!r} to the end"
            )
            yield Finding(CHANNELS, ("rules", index), text)
    if rules[-1].when is not None:
        text = (
            f"visits that no rule takes would have no channel; end with a rule without 'when', such as {{channel: {UNASSIGNED}}}"
        )
        yield Finding(CHANNELS, ("rules", len(rules) - 1), text)


def channel_rules_can_decide(config: Config) -> Iterator[Finding]:
    """A rule that contradicts itself, or that an earlier one leaves nothing to, is a slip."""
    before: list[tuple[int, ChannelRule]] = []
    for place, rule in _rules(config):
        if rule.when is None:
            return  # that none after it is reached is said there
        covering = next((each for each in before if each[1].when and includes(each[1].when, rule.when)), None)
        if never_holds(rule.when):
            text = "this condition contradicts itself and never holds; use 'any' where one of its parts is enough"
            yield Finding(CHANNELS, (*place, "when"), text)
        elif covering is not None:
            index, earlier = covering
            text = (
                f"this rule is never reached, because rule {index + 1} ({earlier.channel}) has decided all of these visits before; "
                "move it up, or delete it"
            )
            yield Finding(CHANNELS, place, text)
        before.append((len(before), rule))


def _rules(config: Config) -> Iterator[tuple[Place, ChannelRule]]:
    for index, rule in enumerate(config.channels.rules or ()):
        yield ("rules", index), rule


CHANNEL_RULES: Final[tuple[Callable[[Config], Iterable[Finding]], ...]] = (
    channel_rules_ask_about_visits,
    lists_of_sources_exist,
    every_visit_has_a_channel,
    channel_rules_can_decide,
)

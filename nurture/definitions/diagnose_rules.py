"""What must be true of config/diagnose.yaml: it names rules and facts that there are, and every rule of one's own can be said."""

from collections.abc import Callable, Iterable, Iterator
from string import Formatter
from typing import Final, get_args

from nurture.definitions.config import DIAGNOSE, Config, Finding
from nurture.definitions.reach import never_holds
from nurture.definitions.shipped import shipped_rules
from nurture.domain.diagnosing.rules import RuleChange, Subject
from nurture.domain.diagnosing.vocabulary import FACTS, facts_of
from nurture.domain.model import Place
from nurture.domain.wording import instead, nearest

#: The language that stands in for others.
_ALWAYS: Final = "en"

#: What stands in the words of a rule for the thing of which it was asked.
_ABOUT: Final = "about"


def rules_that_are_off_exist(config: Config) -> Iterator[Finding]:
    """To switch off what there is not is a slip."""
    for index, name in enumerate(config.diagnose.off):
        if name not in shipped_rules():
            yield Finding(DIAGNOSE, ("off", index), f"unknown rule {name!r}; {instead(name, shipped_rules())}")


def own_rules_are_whole(config: Config) -> Iterator[Finding]:
    """What changes no rule that comes with the engine is one's own, and asks and says something."""
    for name, rule in config.diagnose.rules.items():
        if name in shipped_rules() or (rule.when is not None and rule.says and _ALWAYS in rule.says):
            continue
        meant = nearest(name, shipped_rules())
        lacks = "'when'" if rule.when is None else "'says' in English (en)"
        text = f"no rule {name!r} comes with the engine, and as one of your own it lacks {lacks}; "
        text += f"did you mean {meant!r}?" if meant else "add it"
        yield Finding(DIAGNOSE, ("rules", name), text, in_key=True)


def facts_exist(config: Config) -> Iterator[Finding]:
    """Rules ask about facts that are known of what they are asked of."""
    for name, rule in config.diagnose.rules.items():
        known = facts_of(_subject(name, rule))
        for place, fact in _facts_named(rule):
            if fact not in known:
                elsewhere = next((of for of in get_args(Subject) if fact in FACTS[of]), None)
                fix = f"it is known of each {elsewhere}, so write 'of: {elsewhere}'" if elsewhere else instead(fact, known)
                text = f"unknown fact {fact!r}; {fix}"
                yield Finding(DIAGNOSE, ("rules", name, *place), text, in_key=place[0] in {"when", "least"})


def explained_rules_exist(config: Config) -> Iterator[Finding]:
    """A rule explains others that there are."""
    known = {**shipped_rules(), **config.diagnose.rules}
    for name, rule in config.diagnose.rules.items():
        for index, other in enumerate(rule.explains or ()):
            if other not in known:
                text = f"unknown rule {other!r}; {instead(other, known)}"
                yield Finding(DIAGNOSE, ("rules", name, "explains", index), text)


def findings_can_be_said(config: Config) -> Iterator[Finding]:
    """Braces in the text of a rule hold facts; a title is shown as it is."""
    for name, rule in config.diagnose.rules.items():
        known = {*facts_of(_subject(name, rule)), _ABOUT}
        for language, words in (rule.says or {}).items():
            problem = _unsayable(words.text, known)
            if problem:
                yield Finding(DIAGNOSE, ("rules", name, "says", language, "text"), problem)


def rules_can_hold(config: Config) -> Iterator[Finding]:
    """A condition that contradicts itself is a slip."""
    for name, rule in config.diagnose.rules.items():
        if rule.when is not None and never_holds(rule.when):
            text = "this condition contradicts itself and never holds; use 'any' where one of its parts is enough"
            yield Finding(DIAGNOSE, ("rules", name, "when"), text)


def _subject(name: str, rule: RuleChange) -> Subject:
    shipped = shipped_rules().get(name)
    return rule.of or (shipped.of if shipped else "business")


def _facts_named(rule: RuleChange) -> Iterator[tuple[Place, str]]:
    for place, _ in rule.when.questions() if rule.when else ():
        yield ("when", *place), str(place[-1])
    yield from ((("least", fact), fact) for fact in rule.least or {})
    yield from ((("shows", index), fact) for index, fact in enumerate(rule.shows or ()))
    if rule.concerns:
        yield ("concerns",), rule.concerns


def _unsayable(words: str, known: Iterable[str]) -> str | None:
    try:
        named = [field for _, field, _, _ in Formatter().parse(words) if field is not None]
    except ValueError:
        return "a brace is left open here; write {fact} for a fact, and {{ for a brace as such"
    unknown = next((field for field in named if field not in known), None)
    return None if unknown is None else f"unknown fact {unknown!r} in braces; {instead(unknown, known)}"


DIAGNOSE_RULES: Final[tuple[Callable[[Config], Iterable[Finding]], ...]] = (
    rules_that_are_off_exist,
    own_rules_are_whole,
    facts_exist,
    explained_rules_exist,
    findings_can_be_said,
    rules_can_hold,
)

"""What a template leaves behind when a value was missing, and what of a reader must not be where others look."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from html import unescape
from typing import Final, NamedTuple

from nurture.adapters.mail.linting.context import Context
from nurture.adapters.mail.person import PersonFacts

_CONSTRUCT: Final = re.compile(r"\{\{|\{%|\{#|[\ue000-\ue002]")

#: Words that stand for no value. Not inside an address; "None" only where no sentence begins with it. What stands before the word
#: is looked at after it, so that the search is one for a fixed text.
_NO_VALUES: Final = {
    "nan": re.compile(r"nan(?<![\w./=&%?-]nan)(?![\w/=&%-]|\.\w)"),
    "undefined": re.compile(r"undefined(?<![\w./=&%?-]undefined)(?![\w/=&%-]|\.\w)"),
    "None": re.compile(r"None(?:(?<=[\w,;:] None)|(?<=[>\"']None))(?=[\s,.;:!?<\"']|\Z)(?! of\b)"),
    "[object": re.compile(r"\[object"),
}
#: "Hello ," where a name should stand, in the first line or after the word for it; a space before a comma is wrong in French, too.
_HOLE: Final = re.compile(
    r"\A\s*[^\W\d_]+(?: [^\W\d_]+)? +,|^(?:Hello|Hi|Hey|Dear|Bonjour|Bonsoir|Cher|Chère|Salut|Hallo|Liebe|Lieber|Hola|Ciao) +,",
    re.MULTILINE,
)

_SHORTEST: Final = 4
#: Facts of these names are figures of ours, not the reader's business nor anybody else's.
SCORES: Final = frozenset({"engagement", "fit", "grade", "score", "stage"})
_NOT_PERSONAL: Final = SCORES | {"language", "country", "timezone", "email_domain"}


class Odd(NamedTuple):
    """What is odd about some lines: the first word that stands for no value, a construct of a template, quotes that hold nothing."""

    no_value: str | None
    construct: bool
    empty_quotes: bool


def oddities(blocks: Iterable[str]) -> list[Odd]:
    """What is odd about a text in blocks of whole lines; most texts have nothing."""
    return [*filter(None, map(_odd, blocks))]


@lru_cache(maxsize=4_096)  # most blocks are the same in everybody's mail
def _odd(block: str) -> Odd | None:
    no_value = next((word for word, alone in _NO_VALUES.items() if word in block and alone.search(block)), None)
    # To ask for what a construct must have is a tenth of the search, and most blocks do not have it.
    construct = ("{" in block or not block.isascii()) and _CONSTRUCT.search(block) is not None
    empty_quotes = '""' in block or "''" in block or '" "' in block
    return Odd(no_value, construct, empty_quotes) if no_value or construct or empty_quotes else None


def left_over(text: str, odd: Sequence[Odd], context: Context) -> str | None:
    """The first thing in a text, of which `odd` was found, that a template left behind; what the reader typed is only shown."""
    no_value = next((each.no_value for each in odd if each.no_value), None)
    if no_value is not None or not any(each.construct for each in odd):
        return no_value
    typed = [value for value in _texts(context) if _CONSTRUCT.search(value)]
    if typed:
        text = " ".join(unescape(text).split())
        for value in sorted(typed, key=len, reverse=True):
            text = text.replace(value, "")
    found = _CONSTRUCT.search(text)
    return found[0] if found else None


def hole(text: str, context: Context) -> str | None:
    """A greeting without the name that belongs into it, unless somebody typed the comma for a name."""
    found = _HOLE.search(text) if " ," in text and not any(typed.startswith(",") for typed in _texts(context)) else None
    return found[0] if found else None


def personal_in(text: str, context: Context) -> str | None:
    """The name of the fact, or `address`, that a text meant for machines shows of the reader."""
    if shows_address(text, context):
        return "address"
    lower = text.lower()
    words = set(re.split(r"[^\w.+@-]+|[-_.]", lower))
    for name, value in context.facts.items():
        said = str(value).lower().strip() if isinstance(value, str) and name not in _NOT_PERSONAL else ""
        if len(said) >= _SHORTEST and (said in words if said.isalnum() else said in lower):
            return name
    return None


def shows_address(text: str, context: Context) -> bool:
    """Whether a text holds the reader's address, as it is or as URLs and return addresses write it."""
    address, lower = context.address.lower(), text.lower()
    return bool(address) and any(address.replace("@", at) in lower for at in ("@", "%40", "="))


def _texts(context: Context) -> Iterator[str]:
    """What is known of the reader, and what we are called, as text, as templates show it."""
    known = PersonFacts(context.facts)
    for value in [*(known.get(name) for name in context.facts), context.name, context.sender_name, context.organisation.name]:
        if isinstance(value, str) and value:
            yield " ".join(value.split())


#: Names of facts of which GDPR art. 9 speaks.
SPECIAL: Final = frozenset([
    "health", "disability", "illness", "pregnancy", "religion", "belief", "beliefs", "politics", "political_opinion", "party",
    "union", "trade_union", "ethnicity", "ethnic_origin", "race", "sexual_orientation", "sex_life", "biometrics", "genetics",
    "sante", "handicap", "croyance", "opinion_politique", "syndicat", "origine_ethnique", "orientation_sexuelle",
])  # fmt: skip


def shown_of(name: str, text: str, context: Context) -> bool:
    """Whether a text shows the value of a fact, whatever the capitals of the fact's name."""
    values = (value for known, value in context.facts.items() if known.lower() == name)
    return any(isinstance(value, str) and len(value) >= _SHORTEST and value.lower() in text.lower() for value in values)

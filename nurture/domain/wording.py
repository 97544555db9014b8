"""How mistakes are worded: what is wrong, then "; ", then what to do about it. Every refusal of a definition is written so."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Final

_SHORTEST_PART: Final = 3


def nearest(word: Any, known: Iterable[str], *, alike: float = 0.6) -> str | None:
    """The known word that `word` was probably meant to be; `alike` is difflib's ratio, 1.0 for equal."""
    by_lower_case = {each.lower(): each for each in sorted(known, reverse=True)}
    found = get_close_matches(str(word).lower(), by_lower_case, n=1, cutoff=alike)
    return by_lower_case[found[0]] if found else None


def completed(word: Any, known: Iterable[str]) -> str | None:
    """The one known word that `word` is a part of, such as `guide-lead-gen` for `guide`."""
    part = str(word).lower()
    whole = [each for each in known if part in each.lower()]
    return whole[0] if len(whole) == 1 and len(part) >= _SHORTEST_PART else None


def one_of(words: Iterable[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def instead(word: Any, known: Iterable[str], *, verb: str = "write") -> str:
    """What to do about a word that is none of `known`: the near miss if there is one, else the whole choice."""
    choice = list(known)
    if not choice:
        return "none is defined yet"
    near = nearest(word, choice) or completed(word, choice)
    return f"did you mean {near!r}?" if near else f"{verb} {one_of(choice)}"

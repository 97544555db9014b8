"""Patterns that strangers' texts are searched for take no longer than their length says, whoever wrote either."""

from enum import StrEnum

import pytest

from nurture.domain.patterns import LONGEST_PATTERN, UnfitPattern, searcher


class Stage(StrEnum):
    LEAD = "lead"


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("(?i)directeur|head", "HEAD of growth", True),
        ("(?i)étudiante?", "ÉTUDIANTE", True),
        (r"\b(cmo|vp)\b", "the vp, sales", True),
        (r"\b(cmo|vp)\b", "vps", False),
        ("^/blog/", "/blog/a", True),
        ("^/blog/", "/fr/blog/a", False),
        ("pricing$", "/pricing", True),
        ("pricing$", "/pricing/old", False),
        ("(?s)a.b", "a\nb", True),
        ("", "", True),
        (r"\d{2}", "a٣٤", True),
        ("lead", Stage.LEAD, True),
        ("1", 1, False),
        ("None", None, False),
        ("a", ["a"], False),
        ("a", "\ud800a", False),
    ],
)
def test_what_is_found(pattern: str, text: object, found: bool) -> None:
    assert searcher(pattern)(text) is found


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(?=a)", "look-around needs unbounded time and is not known; write a second condition instead, with `all` or `not`"),
        ("(?<!a)b", "look-around needs unbounded time and is not known; write a second condition instead, with `all` or `not`"),
        (r"(a)\1", "references back need unbounded time and are not known; write out what is meant, with | between"),
        (r"(\w{900}){900}", "its repetitions are too large; shorten the numbers in { }"),
        ("a" * (LONGEST_PATTERN + 1), "it has more than 1,000 characters; write several, and `any` around them"),
        ("[", "unclosed character class; put a \\ before a character meant literally"),
        ("\ud800", "it holds half a character; write the whole"),
    ],
)
def test_what_cannot_be_searched_for_is_refused_with_its_remedy(pattern: str, said: str) -> None:
    with pytest.raises(UnfitPattern) as raised:
        searcher(pattern)
    assert str(raised.value) == said

"""From attributes to yes-or-no questions that the condition language can ask.

A number is cut where few or many enough people lie on both sides, a category is asked for by its value, a text by its
words, and a missing value by its absence. What a question's answer is for each value is told by the engine's own condition,
so a question here and the rule it becomes cannot differ.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

import numpy as np

from nurture.domain.conditions import Condition
from nurture.learning.cases import Column, Truths, is_number

#: People on each side of a question, at least.
FEWEST_PEOPLE: Final = 20

#: Places where one number may be cut, values of one category, words of one text.
_MOST_CUTS: Final = 31
_MOST_VALUES: Final = 15
_MOST_WORDS: Final = 30

#: Values beyond which a text is read by its words.
_FREE_TEXT: Final = 30

#: Of a cut; two numbers that differ only behind them are not worth parting more nicely.
_MOST_DIGITS: Final = 12

_WORD: Final = re.compile(r"[^\W\d_]{3,}")

EMAIL_DOMAIN: Final = "email_domain"


@dataclass(frozen=True)
class Question:
    """A condition on one attribute. `answers` holds what it says to each of the column's values, and last to none."""

    column: int
    test: Any
    raw: Mapping[str, Any]
    answers: Truths

    def ask(self, column: Column) -> Truths:
        """The answer of everybody; code −1 (not known) finds the last answer."""
        return self.answers[column.codes]


def question(index: int, column: Column, test: Any) -> Question:
    """The question that puts `test` to a column."""
    raw = {column.name: test}
    holds = Condition(raw).holds
    answers = [holds({column.name: value}) for value in column.values]
    return Question(index, test, raw, np.array([*answers, holds({})], dtype=bool))


def questions(columns: Iterable[Column]) -> list[Question]:
    """Every question worth asking of these people: enough of them answer it with yes, and enough with no."""
    found = []
    for index, column in enumerate(columns):
        for test in _tests(column):
            asked = question(index, column, test)
            yes = int(asked.ask(column).sum())
            if FEWEST_PEOPLE <= yes <= len(column.codes) - FEWEST_PEOPLE:
                found.append(asked)
    return found


def _tests(column: Column) -> Iterator[Any]:
    missing = int((column.codes < 0).sum())
    if missing:
        yield {"exists": False}
    if column.numeric:
        for cut in cuts(column):
            yield {"at_least": cut}
            if missing:  # then the two are no opposites
                yield {"below": cut}
        return
    counts = Counter(column.codes[column.codes >= 0].tolist())
    common = sorted((value for value in counts.items() if value[1] >= FEWEST_PEOPLE), key=lambda item: (-item[1], item[0]))
    if column.name == EMAIL_DOMAIN:
        yield {"in": "free_mail_domains"}
    for code, _ in common[:_MOST_VALUES]:
        yield column.values[code]
    if len(counts) > _FREE_TEXT and column.name != EMAIL_DOMAIN:
        for word in _words(column, counts):
            yield {"matches": rf"(?i)\b{re.escape(word)}\b"}


def _words(column: Column, counts: Mapping[int, int]) -> list[str]:
    """The words that enough people's texts hold, the most frequent first."""
    people: Counter[str] = Counter()
    for code, count in counts.items():
        value = column.values[code]
        if isinstance(value, str):
            for word in {word.lower() for word in _WORD.findall(value)}:
                people[word] += count
    frequent = [(word, count) for word, count in people.items() if count >= FEWEST_PEOPLE]
    return [word for word, _ in sorted(frequent, key=lambda item: (-item[1], item[0]))[:_MOST_WORDS]]


def cuts(column: Column) -> list[float | int]:
    """Where a number is worth cutting: between all its values if they are few, else at quantiles, ascending.

    A cut is the roundest number that parts the same people.
    """
    codes = column.codes[column.codes >= 0]
    numbers = np.array([float(value) if is_number(value) else np.nan for value in column.values])
    known = np.sort(numbers[codes][~np.isnan(numbers[codes])])
    different = np.unique(known)
    if len(different) < 2:  # noqa: PLR2004 - nothing to part
        return []
    if len(different) - 1 > _MOST_CUTS:
        wanted = np.unique(np.quantile(known, np.linspace(0, 1, _MOST_CUTS + 2)[1:-1], method="higher"))
        above = wanted[wanted > different[0]]
    else:
        above = different[1:]
    below = different[np.searchsorted(different, above) - 1]
    return sorted({roundest(float(low), float(high)) for low, high in zip(below, above, strict=True)})


def roundest(low: float, high: float) -> float | int:
    """The number in (low, high] with the fewest digits; of several the highest. Requires low < high."""
    if low < 0 <= high:
        return 0
    first = Decimal(max(abs(low), abs(high))).adjusted() + 1
    for power in range(first, first - _MOST_DIGITS, -1):
        # Whole multiples of a power of ten, by decimal arithmetic: 0.35 is to be 0.35.
        candidate = float((Decimal(high).scaleb(-power)).to_integral_value(ROUND_FLOOR).scaleb(power))
        if low < candidate <= high:
            return int(candidate) if candidate.is_integer() else candidate
    return int(high) if high.is_integer() else high

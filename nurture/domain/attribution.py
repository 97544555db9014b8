"""Who is credited for somebody who came somewhere: the visits that brought them up to then, by five models.

The rules are those that Google Analytics publishes for its models (support.google.com/analytics/answer/1665189):

- *first* gives all to the first visit, *last* all to the last one that was not direct (to the last of all, if each was);
- *linear* gives the same to each;
- *position* gives 40 % to the first, 40 % to the last and the rest in equal parts to those between; of two each gets half.

*promoting* gives all to what is on record as having brought them when it happened: visits that are heard of later change the other
models and never this one.

Credit is counted in millionths of a person. Whatever the model, it adds up to exactly one person, so sums over channels are equal
between models; what does not divide goes to the earliest visits, a millionth each.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Final

from nurture.domain.measuring.figures import WHOLE
from nurture.domain.touches import Touch, later_non_direct

#: What each end gets by position, where there is something between.
_END: Final = WHOLE * 2 // 5


def credits_of(
    touches: Sequence[Touch], promoting: Touch | None, name_of: Callable[[Touch], str], nobody: str
) -> Mapping[str, Mapping[str, int]]:  # fmt: skip
    """By model and name (of a channel, of a campaign) the millionths of one person, who was brought by `touches`, in the order of
    time; `nobody` is the name of what brought somebody of whom no visit is known.
    """
    return {
        "first": _all_to(touches[0] if touches else None, name_of, nobody),
        "last": _all_to(_last(touches), name_of, nobody),
        "linear": _shared(touches, _evenly(WHOLE, len(touches)), name_of, nobody),
        "position": _shared(touches, _by_position(len(touches)), name_of, nobody),
        "promoting": _all_to(promoting or _last(touches), name_of, nobody),
    }


def _last(touches: Sequence[Touch]) -> Touch | None:
    known: Touch | None = reduce(later_non_direct, touches, None)
    return known or (touches[-1] if touches else None)


def _all_to(touch: Touch | None, name_of: Callable[[Touch], str], nobody: str) -> Mapping[str, int]:
    return {name_of(touch) if touch is not None else nobody: WHOLE}


def _shared(
    touches: Sequence[Touch], shares: Iterator[int], name_of: Callable[[Touch], str], nobody: str
) -> Mapping[str, int]:  # fmt: skip
    if not touches:
        return {nobody: WHOLE}
    shared: Counter[str] = Counter()
    for touch, share in zip(touches, shares, strict=True):
        shared[name_of(touch)] += share
    return +shared


def _evenly(amount: int, parts: int) -> Iterator[int]:
    """An amount in equal parts; what is left over goes to the first ones, one each."""
    for index in range(parts):
        yield amount // parts + (index < amount % parts)


def _by_position(visits: int) -> Iterator[int]:
    if visits <= 2:  # noqa: PLR2004 - nothing lies between two
        yield from _evenly(WHOLE, visits)
        return
    yield _END
    yield from _evenly(WHOLE - 2 * _END, visits - 2)
    yield _END

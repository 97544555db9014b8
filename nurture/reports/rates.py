"""Rates with the interval in which the true one lies, as columns of a sheet."""

from nurture.domain.proportions import Counted, wilson
from nurture.reports.sheet import Column, Value

#: Below so many trials a rate says little: the interval of one in twenty is then wider than the rate itself.
FEW = 30


def rated(part: float, whole: float) -> tuple[Value, Value, Value]:
    """A part as a share of the whole, with the ends of its interval (Wilson, 95 %).

    Of nothing there is no share. Where the parts are no trials of the whole, so that there can be more of them, there is no interval.
    """
    if not whole:
        return None, None, None
    if part > whole:
        return part / whole, None, None
    return part / whole, *wilson(Counted(round(part), round(whole)))


def rate_columns(name: str, of: str = "") -> tuple[Column, ...]:
    """The columns of a rate and of both ends of its interval."""
    return (
        Column(name=name, kind="share", of=of),
        Column(name=f"{name}_low", kind="share", of=of),
        Column(name=f"{name}_high", kind="share", of=of),
    )

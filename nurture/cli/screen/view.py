"""How somebody looks at the engine, and the blocks that a frame is made of."""

from typing import Final, NamedTuple

from nurture.cli.screen.lines import Line, Part

#: Wide enough for everything in one row; and less than what two tables side by side take.
WIDE: Final = 110
NARROW: Final = 78

#: How workers may be ordered, by the key `s`.
ORDERS: Final = ("host", "busy", "memory", "died", "age")


class View(NamedTuple):
    """How somebody wants to see it: how wide, in which order workers stand, and with which characters."""

    width: int
    order: str = ORDERS[0]
    ascii_only: bool = False

    @property
    def wide(self) -> bool:
        return self.width >= WIDE

    @property
    def narrow(self) -> bool:
        return self.width < NARROW


class Block(NamedTuple):
    """A part of the frame, its head first. Where there is little room, at least so many of its lines are shown, or nothing of it."""

    name: str
    lines: list[Line]
    least: int


def head(text: str, *more: Part) -> Line:
    """The first line of a block."""
    return ((text, "head"), *more)

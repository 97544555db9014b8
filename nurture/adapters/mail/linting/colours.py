"""Colours of mails, and whether one can be read on another (WCAG 2.2)."""

import re
from typing import Final, NamedTuple


class Colour(NamedTuple):
    """Red, green and blue, each from 0 to 255."""

    red: int
    green: int
    blue: int


BLACK: Final = Colour(0, 0, 0)
WHITE: Final = Colour(255, 255, 255)

_NAMED: Final = {
    "black": BLACK, "white": WHITE, "red": Colour(255, 0, 0), "blue": Colour(0, 0, 255), "green": Colour(0, 128, 0),
    "gray": Colour(128, 128, 128), "grey": Colour(128, 128, 128), "silver": Colour(192, 192, 192),
    "yellow": Colour(255, 255, 0), "navy": Colour(0, 0, 128), "orange": Colour(255, 165, 0),
}  # fmt: skip
_HEX: Final = re.compile(r"#([0-9a-f]{6}|[0-9a-f]{3})(?![0-9a-f])", re.IGNORECASE)
_RGB: Final = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})")


def colour(text: str) -> Colour | None:
    """The colour that a CSS value names, None if it cannot be told."""
    if found := _HEX.search(text):
        digits = found[1] if len(found[1]) == 6 else "".join(digit * 2 for digit in found[1])  # noqa: PLR2004 - #rrggbb
        return Colour(*(int(digits[at : at + 2], 16) for at in (0, 2, 4)))
    if found := _RGB.search(text):
        return Colour(*(min(int(each), 255) for each in found.groups()))
    return next((_NAMED[word] for word in text.lower().split() if word in _NAMED), None)


def contrast(one: Colour, other: Colour) -> float:
    """From 1 (equal) to 21 (black on white); 4.5 is enough for text (WCAG 2.2 §1.4.3)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(of: Colour) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (c / 255 for c in of))  # noqa: PLR2004 - WCAG 2.2, "relative luminance"
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

"""The moments in the life of a mail at which something is killed."""

from enum import StrEnum
from typing import NamedTuple


class Point(StrEnum):
    """A moment, in the order in which a mail meets them."""

    BEFORE_CLAIM = "before the claim"
    AFTER_CLAIM = "after the claim"
    BEFORE_DOT = "before the final dot"
    AFTER_DOT = "after the final dot, before the server's 250"
    AFTER_REPLY = "after the server's 250"
    BEFORE_COMMIT = "acceptance noted, before the commit"
    AFTER_NOTE = "after the note of acceptance"
    BETWEEN = "between batches"


#: Where the mail server holds its reply until the deed is done: its answer to DATA, and that to the whole mail.
HELD_BY_SINK = {Point.BEFORE_DOT: "data", Point.AFTER_DOT: "dot"}


class Event(StrEnum):
    """What happens there."""

    WORKER = "worker killed (SIGKILL)"
    DATABASE = "database gone (immediate shutdown), started again"
    REDIS = "Redis gone (SIGKILL), started again"


class Trap(NamedTuple):
    """A worker stops at `point` when it comes there for the `passing`-th time: it dies at once, or asks and waits."""

    point: Point
    passing: int
    dies: bool

"""Where a hand-off stands. In a module of its own: the command line names it before it loads anything."""

from enum import StrEnum


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"

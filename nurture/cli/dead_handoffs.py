"""The hand-offs among what `nurture dead` is about: those that were given up. Their ids are numbers, those of events hold a dash."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nurture.adapters.database.told import Wanted


_LARGEST = 2**63 - 1


def is_handoff(id_: str) -> bool:
    """Whether an id is that of a hand-off."""
    return id_.isascii() and id_.isdigit() and int(id_) <= _LARGEST


def wanted(
    ids: Iterable[str] = (), endpoint: str | None = None, reason: str | None = None,
    since: datetime | None = None, until: datetime | None = None,
) -> "Wanted":  # fmt: skip
    """Of the hand-offs that were given up those that are asked for."""
    from nurture.adapters.database.told import Wanted
    from nurture.domain.telling.calls import DeliveryStatus

    return Wanted([int(id_) for id_ in ids], endpoint, (DeliveryStatus.FAILED,), since, until, reason)


def given_up(which: "Wanted", limit: int) -> tuple[list[dict[str, Any]], int]:
    """Hand-offs that were given up, the latest first, and how many there are."""
    from nurture.cli.handoff import as_told
    from nurture.cli.releases import installation

    with installation() as base:
        return [as_told(each) for each in base.database.told.found(which, limit)], base.database.told.count(which)


def retry(which: "Wanted", *, dry_run: bool) -> int:
    """Tell their endpoints again; how many."""
    from nurture.cli.holding import wake
    from nurture.cli.releases import installation

    with installation() as base:
        if dry_run:
            return base.database.told.count(which)
        count = base.database.told.again(which, base.clock.now())
        if count:
            wake(base.settings, ("hand_off",), again=False)
        return count


def drop(which: "Wanted", *, dry_run: bool) -> int:
    """Forget them for good; how many."""
    from nurture.cli.releases import installation

    with installation() as base:
        return base.database.told.count(which) if dry_run else base.database.told.drop(which)

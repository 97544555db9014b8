"""The simplest of routers: one mail server, and no limits. Simulations and tests send by it."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from nurture.domain.definitions import Definitions
from nurture.domain.mail.routing import DEFAULT
from nurture.ports import Carried, Go, Parcel, Wait

#: Nobody counts these permits, so they are good for as long as a message is leased.
_GOOD_FOR: Final = timedelta(minutes=2)


class OneWay:
    """Fulfils `ports.Router`: everything goes at once by one transport."""

    def __init__(self, transport: str = DEFAULT) -> None:
        self._transport = transport

    def expect(self, domains: Collection[str]) -> None:
        """All are alike."""

    def route(self, parcels: Sequence[Parcel], definitions: Definitions, at: datetime) -> list[Go | Wait]:  # noqa: ARG002 - no limits
        return [Go(each.message, self._transport, at, at + _GOOD_FOR) for each in parcels]

    def unused(self, permits: Sequence[Go], at: datetime) -> None:
        """Nothing is counted."""

    def heard(self, carried: Sequence[Carried], at: datetime) -> None:
        """There is no other way to choose."""

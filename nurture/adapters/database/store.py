"""The database as a whole: one engine, and a door for each verb."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import Engine

from nurture.adapters.database.absorbing import AbsorbingTransaction, absorbing
from nurture.adapters.database.advancing import AdvancingTransaction, advancing
from nurture.adapters.database.components import ComponentTransaction, components
from nurture.adapters.database.cooling import CoolingTransaction, cooling
from nurture.adapters.database.erased_addresses import ErasedAddresses
from nurture.adapters.database.following_up import FollowingUpStore
from nurture.adapters.database.forgetting import ForgettingTransaction, forgetting
from nurture.adapters.database.guarding import GuardingStore
from nurture.adapters.database.handing_off import HandingOffStore
from nurture.adapters.database.holding import HoldingTransaction, holding
from nurture.adapters.database.queue_holds import QueueHoldTransaction, queue_holding
from nurture.adapters.database.rebuilding import RebuildingTransaction, rebuilding
from nurture.adapters.database.reclassifying import ReclassifyingTransaction, reclassifying
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.releasing import ReleasingTransaction, releasing
from nurture.adapters.database.rescoring import RescoringTransaction, rescoring
from nurture.adapters.database.resolving import ResolvingTransaction, resolving
from nurture.adapters.database.rollups import StandingKeys
from nurture.adapters.database.routing import RoutingStore
from nurture.adapters.database.sending import SendingStore
from nurture.adapters.database.spending import SpendingTransaction, spending
from nurture.adapters.database.suppressing import SuppressingTransaction, suppressing
from nurture.adapters.database.surveying import SurveyingTransaction, surveying
from nurture.adapters.database.told import ToldStore


class Database:
    """Opens the transactions of all verbs but send, route, hand off, follow up and guard, and holds those.

    `pepper` is the installation's secret key: with it the addresses of erased people are hashed.
    """

    def __init__(self, engine: Engine, pepper: str | None = None) -> None:
        self.engine = engine
        self.erased = ErasedAddresses(pepper)
        self.releases = Releases()
        self._keys = StandingKeys()
        self.sending = SendingStore(engine, self.releases)
        self.handing_off = HandingOffStore(engine, self.releases)
        self.told = ToldStore(engine)
        self.following_up = FollowingUpStore(engine, self.releases)
        self.guarding = GuardingStore(engine, self.releases)
        self.routing = RoutingStore(engine, self.releases)

    def sending_after(self, heed: Callable[[], None]) -> SendingStore:
        """Send's door for a process that sends while people unsubscribe: `heed` absorbs what may not wait."""
        return SendingStore(self.engine, self.releases, heed)

    def absorbing(self) -> AbstractContextManager[AbsorbingTransaction]:
        return absorbing(self.engine, self.releases, self.erased, self._keys)

    def components(self) -> AbstractContextManager[ComponentTransaction]:
        return components(self.engine, self.releases, self._keys)

    def rescoring(self) -> AbstractContextManager[RescoringTransaction]:
        return rescoring(self.engine, self.releases, self._keys)

    def reclassifying(self, *, reading: bool) -> AbstractContextManager[ReclassifyingTransaction]:
        return reclassifying(self.engine, self.releases, self._keys, reading=reading)

    def rebuilding(self, *, of_people: bool) -> AbstractContextManager[RebuildingTransaction]:
        return rebuilding(self.engine, self.releases, self._keys, of_people=of_people)

    def advancing(self) -> AbstractContextManager[AdvancingTransaction]:
        return advancing(self.engine, self.releases, self.erased, self._keys)

    def cooling(self) -> AbstractContextManager[CoolingTransaction]:
        return cooling(self.engine, self.releases, self._keys)

    def surveying(self) -> AbstractContextManager[SurveyingTransaction]:
        return surveying(self.engine, self.releases)

    def forgetting(self, *, dry_run: bool = False) -> AbstractContextManager[ForgettingTransaction]:
        return forgetting(self.engine, self.releases, self.erased, self._keys, dry_run=dry_run)

    def releasing(self) -> AbstractContextManager[ReleasingTransaction]:
        return releasing(self.engine, self.releases)

    def spending(self) -> AbstractContextManager[SpendingTransaction]:
        return spending(self.engine)

    def suppressing(self) -> AbstractContextManager[SuppressingTransaction]:
        return suppressing(self.engine)

    def resolving(self) -> AbstractContextManager[ResolvingTransaction]:
        return resolving(self.engine)

    def queue_holding(self) -> AbstractContextManager[QueueHoldTransaction]:
        return queue_holding(self.engine)

    def holding(self) -> AbstractContextManager[HoldingTransaction]:
        return holding(self.engine, self.releases)

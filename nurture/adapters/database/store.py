"""The database as a whole: one engine, and a door for each verb."""

from contextlib import AbstractContextManager

from sqlalchemy import Engine

from nurture.adapters.database.absorbing import AbsorbingTransaction, absorbing
from nurture.adapters.database.advancing import AdvancingTransaction, advancing
from nurture.adapters.database.components import ComponentTransaction, components
from nurture.adapters.database.cooling import CoolingTransaction, cooling
from nurture.adapters.database.erased_addresses import ErasedAddresses
from nurture.adapters.database.forgetting import ForgettingTransaction, forgetting
from nurture.adapters.database.handing_off import HandingOffStore
from nurture.adapters.database.reclassifying import ReclassifyingTransaction, reclassifying
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.rescoring import RescoringTransaction, rescoring
from nurture.adapters.database.sending import SendingStore


class Database:
    """Opens the transactions of all verbs but send and hand off, and holds those.

    `pepper` is the installation's secret key: with it the addresses of erased people are hashed.
    """

    def __init__(self, engine: Engine, pepper: str | None = None) -> None:
        self.engine = engine
        self.erased = ErasedAddresses(pepper)
        self.releases = Releases()
        self.sending = SendingStore(engine, self.releases)
        self.handing_off = HandingOffStore(engine, self.releases)

    def absorbing(self) -> AbstractContextManager[AbsorbingTransaction]:
        return absorbing(self.engine, self.releases, self.erased)

    def components(self) -> AbstractContextManager[ComponentTransaction]:
        return components(self.engine, self.releases)

    def rescoring(self) -> AbstractContextManager[RescoringTransaction]:
        return rescoring(self.engine, self.releases)

    def reclassifying(self, *, reading: bool) -> AbstractContextManager[ReclassifyingTransaction]:
        return reclassifying(self.engine, self.releases, reading=reading)

    def advancing(self) -> AbstractContextManager[AdvancingTransaction]:
        return advancing(self.engine, self.releases)

    def cooling(self) -> AbstractContextManager[CoolingTransaction]:
        return cooling(self.engine, self.releases)

    def forgetting(self, *, dry_run: bool = False) -> AbstractContextManager[ForgettingTransaction]:
        return forgetting(self.engine, self.releases, self.erased, dry_run=dry_run)

"""The database as a whole: one engine, and a door for each verb."""

from contextlib import AbstractContextManager

from sqlalchemy import Engine

from nurture.adapters.database.absorbing import AbsorbingTransaction, absorbing
from nurture.adapters.database.advancing import AdvancingTransaction, advancing
from nurture.adapters.database.components import ComponentTransaction, components
from nurture.adapters.database.cooling import CoolingTransaction, cooling
from nurture.adapters.database.handing_off import HandingOffStore
from nurture.adapters.database.reclassifying import ReclassifyingTransaction, reclassifying
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.rescoring import RescoringTransaction, rescoring
from nurture.adapters.database.sending import SendingStore


class Database:
    """Opens the transactions of absorb, recount, rescore, reclassify, advance and cool, and holds those of send and hand off."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.releases = Releases()
        self.sending = SendingStore(engine, self.releases)
        self.handing_off = HandingOffStore(engine, self.releases)

    def absorbing(self) -> AbstractContextManager[AbsorbingTransaction]:
        return absorbing(self.engine, self.releases)

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

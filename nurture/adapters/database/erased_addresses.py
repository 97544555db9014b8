"""The addresses of people who were erased: kept as keyed hashes, so that they are never mailed again and nobody can read them."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from nurture.adapters.database.bulk import among, insert_rows
from nurture.adapters.database.tables import erased_addresses
from nurture.adapters.tokens import Tokens
from nurture.domain.mail.suppression import Suppressed
from nurture.errors import SettingsError

#: The reason and the source of a suppression that an erased address brings back.
ERASED: Final = "erased"
BY_ERASURE: Final = "erase"


class ErasedAddresses:
    """Reads and writes the hashes. With another secret key than they were made with, none is recognised."""

    def __init__(self, secret: str | None) -> None:
        self._tokens = Tokens(secret) if secret else None

    def digest(self, address: str) -> str:
        """The hash of an address, whatever the case of its letters; raises SettingsError without a key."""
        if self._tokens is None:
            raise SettingsError("addresses of erased people are hashed with NURTURE_SECRET_KEY, which is not set")
        return self._tokens.hashed("erased", address.strip().lower())

    def keep(self, connection: Connection, addresses: Collection[str], at: datetime) -> int:
        """Keep the hashes of addresses; how many there are."""
        rows = [{"digest": digest, "at": at} for digest in sorted({self.digest(each) for each in addresses})]
        insert_rows(connection, erased_addresses, rows, unless_there=True)
        return len(rows)

    def known(self, connection: Connection, addresses: Collection[str]) -> set[str]:
        """Those of these addresses whose owner was erased; raises SettingsError if there are hashes and no key to read them."""
        if not addresses:
            return set()
        if self._tokens is None and connection.scalar(select(erased_addresses.c.digest).limit(1)) is None:
            return set()
        by_digest = {self.digest(each): each for each in addresses}
        asked = select(erased_addresses.c.digest).where(among(connection, erased_addresses.c.digest, by_digest.keys()))
        return {by_digest[digest] for digest in connection.scalars(asked)}

    def suppressions(self, connection: Connection, addresses: Collection[str], at: datetime) -> list[Suppressed]:
        """Why those of these addresses whose owner was erased are never mailed."""
        return [Suppressed(each, ERASED, BY_ERASURE, at) for each in sorted(self.known(connection, addresses))]

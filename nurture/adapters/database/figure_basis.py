"""By what the roll-ups were counted, and whether that is still what the definitions in force ask for."""

from datetime import datetime

from sqlalchemy import Connection, select

from nurture.adapters.database.bulk import put_rows
from nurture.adapters.database.tables import events, figure_basis
from nurture.domain.definitions import Definitions
from nurture.domain.measuring.adding import measure_of


def basis_of(definitions: Definitions) -> str:
    """What figures rest on: whose midnight ends a day, the names of the brand, and the stages in their order."""
    measure = measure_of(definitions)
    return f"{measure.timezone}; {', '.join(sorted(measure.brand))}; {', '.join(definitions.lifecycle.stages)}"


def needs_rebuild(connection: Connection, definitions: Definitions) -> bool:
    """Whether figures are counted by something else than these definitions ask for, or older events not at all."""
    kept = connection.scalar(select(figure_basis.c.basis))
    return kept != basis_of(definitions) and _anything_happened(connection)


def note_basis(connection: Connection, definitions: Definitions, at: datetime) -> None:
    """Note that all figures are counted by these definitions."""
    put_rows(connection, figure_basis, [{"id": 1, "basis": basis_of(definitions), "at": at}])


def begin_basis(connection: Connection, definitions: Definitions, at: datetime) -> None:
    """The same, as long as nothing has happened that could have been counted otherwise."""
    if not _anything_happened(connection):
        note_basis(connection, definitions, at)


def _anything_happened(connection: Connection) -> bool:
    return connection.scalar(select(events.c.id).limit(1)) is not None

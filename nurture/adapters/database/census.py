"""The last census: what was found of everybody as they stood, and by which definitions."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, select

from nurture import __version__
from nurture.adapters.database.bulk import insert_rows
from nurture.adapters.database.tables import census
from nurture.domain.definitions import Definitions

#: What a question is answered with: as many rows as the database groups people into, of what JSON can hold.
Answer = Sequence[Sequence[Any]]

#: For so long a census is told from. Several times as long as until the next one, so that one that fails is not missed.
FRESH: Final = timedelta(hours=1)


def basis_of(definitions: Definitions) -> str:
    """What answers rest on: another version may ask otherwise, and other definitions call somebody else hot."""
    return f"{__version__} {definitions.digest}"


def store_census(connection: Connection, answers: Mapping[str, Answer], definitions: Definitions, at: datetime) -> None:
    """Put a census in the place of the one before."""
    shared = {"at": at, "basis": basis_of(definitions)}
    connection.execute(delete(census))
    insert_rows(connection, census, [{"question": question, **shared, "answer": answers[question]} for question in answers])


def taken_at(connection: Connection, definitions: Definitions, at: datetime) -> datetime | None:
    """When the census was taken that may be told from at an instant; None where there is none that is fresh and rests on these
    definitions.
    """
    wanted = census.c.basis == basis_of(definitions), census.c.at.between(at - FRESH, at)
    return connection.scalar(select(census.c.at).where(*wanted).limit(1))


def answer_to(connection: Connection, question: str) -> Answer | None:
    """What the census found; None where it did not ask this."""
    return connection.scalar(select(census.c.answer).where(census.c.question == question))

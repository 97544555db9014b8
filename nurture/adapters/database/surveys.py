"""The rows of `surveys`, and how they are kept in step with the definitions in force."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from nurture.adapters.database.bulk import put_rows
from nurture.adapters.database.tables import surveys
from nurture.domain.definitions import Definitions
from nurture.domain.surveying import Survey, surveys_of


def start_surveys(connection: Connection, before: Definitions | None, after: Definitions, at: datetime) -> None:
    """Keep the surveys in step with definitions that come into force at instant `at`, within the transaction that stores them."""
    standing = [survey_of(row) for row in connection.execute(select(surveys).with_for_update())]
    wanted = surveys_of(standing, before, after, at)
    forget_surveys(connection, {key(survey) for survey in standing} - {key(survey) for survey in wanted})
    put_rows(connection, surveys, [survey._asdict() for survey in wanted if survey not in standing])


def key(survey: Survey) -> tuple[str, str]:
    """What tells a survey from all others."""
    return survey.sequence, survey.kind


def survey_of(row: Row[Any]) -> Survey:
    """A survey from a full row of `surveys`."""
    return Survey(row.sequence, row.kind, row.since, row.at, row.after)


def forget_surveys(connection: Connection, keys: Collection[tuple[str, str]]) -> None:
    """Delete surveys that are over, or no longer wanted."""
    for sequence, kind in sorted(keys):
        connection.execute(delete(surveys).where(surveys.c.sequence == sequence, surveys.c.kind == kind))

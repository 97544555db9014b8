"""`python -m benchmarks.surveys [--people N] [--json FILE]`: how many people a second does a survey look at?

Everybody has an address, five attributes and five page views of the last 90 days. The real verb *survey* walks through them on a
durable PostgreSQL, in one process, once for each kind of question. Exit code 1 if somebody was looked at twice or not at all: then
there is no figure.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table
from sqlalchemy import delete, text

from benchmarks.laboratory import ROOT, Laboratory, WrongResultError, same
from benchmarks.machine import describe
from nurture import bootstrap
from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import enrollments, releases, surveys
from nurture.domain.definitions import Definitions
from nurture.domain.event import day_number
from nurture.domain.scoring import heat_for
from nurture.domain.sequence import Sequence
from nurture.flow.survey import survey
from nurture.reports.backfill import backfill_count
from nurture.settings import Settings
from tests.support.waiting import MovableClock

AT: Final = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
OUT: Final = ROOT / "benchmarks" / "out" / "surveys.json"

#: Everybody was last seen some minutes to 90 days ago, and has up to 60 points today.
_PEOPLE: Final = """
INSERT INTO people (id, stage, stage_since, email, attributes, heat, fit, grade, first_seen_at, seen_at)
SELECT i * 90000000000000, 'lead', :at, 'person' || i || '@example.com',
       (SELECT jsonb_object_agg(name, jsonb_build_array(name || i % 997, CAST(:at AS text), 'form:guide'))
        FROM unnest(ARRAY['first_name', 'company', 'job_title', 'country', 'timezone']) AS name),
       :warmest * (i % 1000) / 1000, 20, 'C', CAST(:at AS timestamptz) - interval '91 days',
       CAST(:at AS timestamptz) - i * 7919 % 129600 * interval '1 minute'
FROM generate_series(1, :people) AS i
"""

_EVENTS: Final = """
INSERT INTO events (id, person_id, name, occurred_at, received_at, verdict, fingerprint, body)
SELECT gen_random_uuid(), p.id, 'page_viewed', p.seen_at - n * interval '10 minutes', p.seen_at, 'human', 1,
       jsonb_build_object('source', 'website', 'message_id', p.id || '-' || n, 'kind', 'page', 'anonymous_id', 'device-' || p.id,
                          'context', jsonb_build_object('page', jsonb_build_object('path', '/blog/' || n)))
FROM people AS p, generate_series(0, 4) AS n
"""


class Question(NamedTuple):
    """What is asked of everybody."""

    name: str
    triggers: tuple[dict[str, Any], ...]
    backfill: bool = False


QUESTIONS: Final = (
    Question("engagement below 20", ({"enters": {"engagement": {"below": 20}}},)),
    Question("three audiences at once", tuple({"enters": {"engagement": {"below": bound}}} for bound in (20, 10, 5))),
    Question("no page view within 30d", ({"enters": {"not": {"happened": {"event": "page_viewed", "within": "30d"}}}},)),
    Question("backfill by an event nobody caused", ({"event": "webinar_attended"},), backfill=True),
    Question("backfill of everybody by an event", ({"event": "page_viewed"},), backfill=True),
)


def definitions_for(question: Question, settings: Settings) -> Definitions:
    """The definitions of the benchmarks with a sequence of one mail for each trigger, and no other."""
    loaded = bootstrap.load_definitions(settings).definitions
    if loaded is None:
        raise WrongResultError("the definitions of the benchmarks are not in order")
    made = {}
    for number, trigger in enumerate(question.triggers):
        written = {"sequence": f"s{number}", "trigger": trigger, "steps": [{"id": "hello", "email": "follow-up"}]}
        made[f"s{number}"] = Sequence.model_validate(written | ({"enroll": "backfill"} if question.backfill else {}))
    return Definitions.model_validate({**dict(loaded), "sequences": made})


def fill(database: Database, people: int, definitions: Definitions) -> None:
    """Everybody with what they did."""
    warmest = heat_for(60, day_number(AT), definitions.scoring.half_life)
    with database.engine.begin() as connection:
        connection.execute(text(_PEOPLE), {"at": AT, "people": people, "warmest": warmest})
        connection.execute(text(_EVENTS))
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))


def ask(question: Question, definitions: Definitions, database: Database, people: int) -> dict[str, Any]:
    """Put the question in force, walk through everybody, and forget what came of it."""
    clock = MovableClock(AT)
    with database.engine.begin() as connection:
        for table in (surveys, enrollments, releases):
            connection.execute(delete(table))
        apply(connection, definitions, AT)
    if not question.backfill:
        clock.advance(timedelta(days=1))
    expected = count(question, definitions, database)
    looked_at, entered, began = 0, 0, time.perf_counter()
    while (surveyed := survey(database, clock)).walked:
        looked_at, entered = looked_at + surveyed.people, entered + surveyed.entered
    seconds = time.perf_counter() - began
    same("people looked at", looked_at, people)
    if expected is not None:
        same("runs begun", entered, expected)
    return {"question": question.name, "entered": entered, "seconds": seconds, "per_second": people / seconds}


def count(question: Question, definitions: Definitions, database: Database) -> int | None:
    """How many a plan would announce; nothing is announced of an audience."""
    if not question.backfill:
        return None
    with database.engine.connect() as connection:
        return backfill_count(connection, definitions, "s0", AT)


def measure(laboratory: Laboratory, people: int) -> Iterator[dict[str, Any]]:
    """A figure for each question."""
    with laboratory.database() as url:
        settings = laboratory.settings(url)
        bootstrap.upgrade_database(settings)
        database = bootstrap.database(settings)
        asked = [(question, definitions_for(question, settings)) for question in QUESTIONS]
        fill(database, people, asked[0][1])
        bootstrap.settle_down()
        for question, definitions in asked:
            yield ask(question, definitions, database, people)
        database.engine.dispose()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.surveys", description=__doc__)
    parser.add_argument("--people", type=int, default=100_000, help="how many people there are")
    parser.add_argument("--json", type=Path, metavar="FILE", default=OUT, help="where the figures are written")
    options = parser.parse_args()
    try:
        with Laboratory() as laboratory:
            facts = describe(laboratory)
            told = list(measure(laboratory, options.people))
    except WrongResultError as error:
        print(f"the run was wrong, so there is no figure: {error}", file=sys.stderr)
        return 1
    table = Table("question", "entered", "s", "people/s", title=f"surveys of {options.people:,} people, one process")
    for each in told:
        table.add_row(each["question"], f"{each['entered']:,}", f"{each['seconds']:.1f}", f"{each['per_second']:,.0f}")
    Console(width=None if sys.stdout.isatty() else 150).print(table)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({**facts, "people": options.people, "surveys": told}, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""People in flight on one small sequence, and releases over their heads."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Row, select

from nurture.adapters.database.releasing import newest_release
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import enrollments, messages
from nurture.domain.definitions import Definitions
from nurture.domain.releasing import Wishes
from nurture.flow.advance import advance
from nurture.flow.release import Released, release
from tests.flow.conftest import Intake
from tests.support.definitions import definitions
from tests.support.events import download, form
from tests.support.waiting import MovableClock

Step = dict[str, Any]

THANKS: Step = {"id": "thanks", "email": "guide-thanks"}
WELCOME: Step = {"id": "welcome", "email": "guide-thanks"}
WAIT: Step = {"wait": "2d"}
CASE: Step = {"id": "case", "email": "case-study"}
BYE: Step = {"id": "bye", "email": "bye"}


def guide(*steps: Step, **head: Any) -> Definitions:
    written = {"sequence": "guide-nurture", "trigger": {"promoted_to": "lead", "asset": "guide"}, "steps": list(steps), **head}
    return definitions(sequences={"guide-nurture": written})


class Flight:
    """People in flight, and releases over their heads."""

    def __init__(self, intake: Intake, database: Database, clock: MovableClock) -> None:
        self.intake, self.database, self.clock = intake, database, clock

    def enroll(self, *addresses: str) -> None:
        for address in addresses:
            at = self.clock.now()
            self.intake.put(form(address, device=address, at=at), download(address, at=at))
        self.intake.absorb(2 * len(addresses))

    def advance(self) -> None:
        while advance(self.database, self.clock, lambda *_: False).moved:
            pass

    def later(self, **by: float) -> None:
        self.clock.advance(timedelta(**by))
        self.advance()

    def release(self, wanted: Definitions, *, seen: int | None = None, restores: int | None = None, **wishes: Any) -> Released:
        seen = self.newest() if seen is None else seen
        return release(self.database, wanted, Wishes(**wishes), self.clock.now(), seen=seen, restores=restores)

    def newest(self) -> int | None:
        with self.database.engine.connect() as connection:
            return newest_release(connection)

    def digest(self) -> str:
        with self.database.engine.connect() as connection:
            return self.database.releases.current(connection).digest

    def runs(self) -> list[Row[Any]]:
        with self.database.engine.connect() as connection:
            return list(connection.execute(select(enrollments).order_by(enrollments.c.entered_at)))

    def run(self) -> Row[Any]:
        (run,) = self.runs()
        return run

    def mails(self) -> list[tuple[str, str]]:
        """What was planned, with its step, and why not if it was not queued."""
        ordered = select(messages.c.step, messages.c.template, messages.c.reason).order_by(messages.c.planned_at, messages.c.step)
        with self.database.engine.connect() as connection:
            return [(row.step, row.reason or row.template) for row in connection.execute(ordered)]

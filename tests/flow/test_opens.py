"""What becomes of opens: counted of nobody, kept as a day, or told of whoever consents."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from nurture.adapters.database.open_tracking import OpenTracking
from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import daily_counts, events, people, permissions, score_cells
from nurture.domain.event import EMAIL_OPENED, PREFERENCES_CHANGED, day_number, midnight
from nurture.domain.mail.sending import SendingPolicy
from nurture.domain.mail.tracking import LAST_OPENED, OPEN_TRACKING, Opens, Tracking
from nurture.flow.recount import recount
from nurture.reports.verify import verify
from tests.flow.conftest import Intake, queue
from tests.support.definitions import SENDING, definitions
from tests.support.events import event, form, page
from tests.support.waiting import MovableClock

ANA = "ana@acme.test"


def rows(database: Database, table: Any) -> Any:
    with database.engine.connect() as connection:
        return connection.execute(select(table)).all()


def track(database: Database, opens: Opens, at: datetime) -> None:
    sending = SendingPolicy.model_validate(SENDING).model_copy(update={"tracking": Tracking(opens=opens)})
    with database.engine.begin() as connection:
        apply(connection, definitions(sending=sending), at)


def look(intake: Intake, person: int, agent: str = "Mozilla/5.0") -> None:
    day = midnight(intake.clock.now())
    intake.take([event(EMAIL_OPENED, day, source="engine", person=person, context={"userAgent": agent})])


def permit(database: Database, email: str, state: str, at: datetime, purpose: str = OPEN_TRACKING) -> None:
    with database.engine.begin() as connection:
        connection.execute(insert(permissions).values(email=email, purpose=purpose, state=state, at=at))


def test_of_opens_for_hygiene_the_day_of_the_last_stays_and_nothing_else(
    intake: Intake, database: Database, clock: MovableClock
) -> None:
    intake.take([form(ANA)])
    [before] = rows(database, people)
    for _ in range(3):
        clock.advance(timedelta(days=1))
        look(intake, before.id)
    look(intake, before.id)
    [ana] = rows(database, people)
    day = midnight(clock.now())
    assert ana.attributes[LAST_OPENED] == [f"{day:%Y-%m-%d}", day.isoformat(), "opens"]
    assert (ana.seen_at, ana.fit, ana.heat) == (before.seen_at, before.fit, before.heat)
    assert [row.name for row in rows(database, events)] == ["form_submitted"]
    assert rows(database, score_cells) == []
    assert verify(database.engine, definitions()) == []


def test_a_machine_that_looks_leaves_no_day(intake: Intake, database: Database) -> None:
    intake.take([form(ANA)])
    look(intake, rows(database, people)[0].id, agent="bot")
    look(intake, 404)
    [ana] = rows(database, people)
    assert LAST_OPENED not in ana.attributes


def test_the_day_stays_when_somebody_is_counted_afresh(intake: Intake, database: Database, clock: MovableClock) -> None:
    intake.take([form(ANA, first_name="Ana"), page("/pricing", at=clock.now())])
    [before] = rows(database, people)
    look(intake, before.id)
    with database.engine.begin() as connection:
        connection.execute(update(people).values(recount_at=clock.now()))
    recount(database, clock)
    [ana] = rows(database, people)
    assert set(ana.attributes) == {"first_name", LAST_OPENED}


def test_opens_of_nobody_are_counted_by_step_and_day(intake: Intake, database: Database, clock: MovableClock) -> None:
    day = midnight(clock.now())
    told = {"consented": False, "source": "engine"}
    case, thanks = {"sequence": "guide", "step": "case"}, {"sequence": "guide", "step": "thanks"}
    intake.take([event(EMAIL_OPENED, day, properties=each, **told) for each in (case, case, thanks)])
    counted = {(row.day, row.name): row.events for row in rows(database, daily_counts)}
    number = day_number(day)
    assert counted == {(number, "email_opened guide/case"): 2, (number, "email_opened guide/thanks"): 1}
    assert rows(database, people) == rows(database, events) == []


@pytest.mark.parametrize(
    ("state", "purpose", "told"),
    [("given", OPEN_TRACKING, True), ("confirmed", OPEN_TRACKING, True), ("asked", OPEN_TRACKING, False),
     ("withdrawn", OPEN_TRACKING, False), ("given", "marketing-email", False)],
)  # fmt: skip
def test_opens_are_told_of_whoever_consents_to_that(
    state: str, purpose: str, told: bool, intake: Intake, database: Database, clock: MovableClock
) -> None:  # fmt: skip
    intake.take([page("/pricing", device="phone"), form(ANA), form("ben@acme.test", device="other")])
    intake.take([form(ANA, device="phone")])  # who was anonymous there is merged into Ana
    permit(database, ANA, state, clock.now(), purpose)
    asked = OpenTracking(database.engine)
    by_address = {row.email: asked(row.id) for row in rows(database, people)}
    assert by_address == {ANA: told, "ben@acme.test": False, None: told}
    assert asked(404) is False


def test_whoever_takes_it_back_on_their_preferences_page_is_not_followed(
    intake: Intake, database: Database, clock: MovableClock
) -> None:
    intake.take([form(ANA)])
    [ana] = rows(database, people)
    followed = []
    for agrees in (True, False, True):
        clock.advance(timedelta(minutes=1))
        said = {"topics": {}, "pace": "all", "purposes": {OPEN_TRACKING: agrees}}
        intake.take([event(PREFERENCES_CHANGED, clock.now(), source="engine", person=ana.id, properties=said)])
        followed.append(OpenTracking(database.engine)(ana.id))
    assert followed == [True, False, True]


@pytest.mark.parametrize(("opens", "told"), [("individual", True), ("hygiene", None), ("off", None)])
def test_the_writer_knows_who_consents_where_that_matters(
    opens: Opens, told: bool | None, intake: Intake, database: Database, clock: MovableClock
) -> None:
    track(database, opens, clock.now())
    queue(intake, ANA, "ben@acme.test")
    permit(database, ANA, "given", clock.now())
    with database.sending.claiming() as claim:
        facts = {each.letter.address: each.letter.facts.get(OPEN_TRACKING) for each in claim.due(10, clock.now())}
    assert facts == {ANA: told, "ben@acme.test": None}

"""Sequences that were edited while people were in flight, as it went wrong for others: mails on the wire are counted."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine, Row, select

from nurture.adapters.database.releasing import newest_release
from nurture.adapters.database.tables import enrollments
from nurture.domain.definitions import Definitions
from nurture.domain.releasing import Wishes
from nurture.flow.hold import pause, resume
from nurture.flow.release import Released, release
from tests.support.definitions import definitions
from tests.support.events import download, event, form
from tests.support.installation import Installation
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock

Step = dict[str, Any]

ANA, BEN, CY = "ana@acme.test", "ben@acme.test", "cy@acme.test"
THANKS: Step = {"id": "thanks", "email": "guide-thanks", "window": "any"}
CASE: Step = {"id": "case", "email": "case-study", "window": "any"}
DEMO: Step = {"id": "demo", "email": "book-a-demo", "window": "any"}
REMINDER: Step = {"id": "reminder", "email": "case-study-reminder", "window": "any"}
DECISION: Step = {
    "id": "decision", "wait_for": {"event": "email_clicked", "message": "thanks", "within": "4d"}, "on_timeout": [REMINDER],
}  # fmt: skip


def guide(*steps: Step, **head: Any) -> Definitions:
    written = {
        "sequence": "guide",
        "trigger": {"promoted_to": "lead", "asset": "guide"},
        "late": "send",
        "steps": list(steps),
        **head,
    }
    return definitions(sequences={"guide": written})


class Edited:
    """An installation whose sequence is edited, and the mails that people get."""

    def __init__(self, installation: Installation) -> None:
        self.installation, self.clock = installation, installation.clock

    def enter(self, *addresses: str) -> None:
        for each in addresses:
            self.installation.happen(form(each, device=each, at=self.clock.now()), download(each, at=self.clock.now()))
        self.installation.work()

    def apply(self, wanted: Definitions, **wishes: Any) -> Released:
        with self.installation.engine.connect() as connection:
            seen = newest_release(connection)
        return release(self.installation.database, wanted, Wishes(**wishes), self.clock.now(), seen=seen)

    def pass_by(self, **by: float) -> None:
        """Time in which the workers look every hour."""
        for _ in range(int(timedelta(**by) / timedelta(hours=1))):
            self.clock.advance(timedelta(hours=1))
            self.installation.work()

    def runs(self) -> list[Row[Any]]:
        with self.installation.engine.connect() as connection:
            return list(connection.execute(select(enrollments)))

    def mails(self, address: str) -> Counter[str]:
        """The subjects of the mails that somebody got."""
        return Counter(str(mail.message["subject"]) for mail in self.installation.sink.mails if address in mail.to)


@pytest.fixture
def edited(migrated_engine: Engine, redis_url: str, clock: MovableClock, smtp_sink: SmtpSink) -> Edited:
    return Edited(Installation(migrated_engine, Redis.from_url(redis_url), clock, smtp_sink))


class TestADecisionIsDeletedUnderPeopleWhoWait:
    """mautic#16262: what was left behind pointed back, and 100 contacts got 11,500 mails within four hours."""

    def test_it_is_refused_and_nobody_notices(self, edited: Edited) -> None:
        edited.apply(guide(THANKS, DECISION, DEMO))
        edited.enter(ANA, BEN)
        assert edited.apply(guide(THANKS, DEMO)).forecast.refused
        edited.pass_by(hours=8)
        assert edited.mails(ANA) == edited.mails(BEN) == {"guide-thanks": 1}

    def test_mapped_people_go_on_behind_it_and_are_mailed_once(self, edited: Edited) -> None:
        edited.apply(guide(THANKS, DECISION, DEMO))
        edited.enter(ANA, BEN)
        edited.apply(guide(THANKS, DEMO), maps={"guide": {"decision": "demo"}})
        edited.pass_by(hours=8)
        assert edited.mails(ANA) == edited.mails(BEN) == {"guide-thanks": 1, "book-a-demo": 1}

    def test_even_a_map_that_leads_back_mails_nobody_twice(self, edited: Edited) -> None:
        edited.apply(guide(THANKS, DECISION, DEMO))
        edited.enter(ANA)
        edited.apply(guide(THANKS, DEMO), maps={"guide": {"decision": "thanks"}})
        edited.pass_by(hours=8)
        assert edited.mails(ANA) == {"guide-thanks": 1, "book-a-demo": 1}

    def test_who_finishes_the_old_version_still_meets_the_decision(self, edited: Edited) -> None:
        edited.apply(guide(THANKS, DECISION, DEMO))
        edited.enter(ANA)
        edited.apply(guide(THANKS, DEMO), finish_old=True)
        edited.enter(BEN)
        assert edited.mails(BEN) == {"guide-thanks": 1, "book-a-demo": 1}
        edited.pass_by(days=4, hours=1)
        assert edited.mails(ANA) == {"guide-thanks": 1, "case-study-reminder": 1, "book-a-demo": 1}


class TestStoppedAndPublishedAgain:
    """mautic#16133: after stop and publish the first mail went out again at each run. mautic#7508: it never went on."""

    def test_pausing_resuming_and_publishing_the_same_again_restart_nothing(self, edited: Edited) -> None:
        first = guide(THANKS, {"wait": "2d"}, CASE)
        edited.apply(first)
        edited.enter(ANA)
        due = edited.runs()[0].due_at
        edited.pass_by(hours=10)
        pause(edited.installation.database, "guide", None, edited.clock.now())
        edited.pass_by(hours=10)
        assert not edited.apply(first).applied
        resume(edited.installation.database, "guide", timedelta(hours=1), edited.clock.now())
        assert edited.runs()[0].due_at == due
        edited.pass_by(hours=27)
        assert edited.mails(ANA) == {"guide-thanks": 1}
        edited.pass_by(hours=1)
        assert edited.mails(ANA) == {"guide-thanks": 1, "case-study": 1}

    def test_unpublishing_and_publishing_the_same_again_is_no_new_start(self, edited: Edited) -> None:
        first = guide(THANKS, {"wait": "2d"}, CASE)
        edited.apply(first)
        edited.enter(ANA)
        edited.apply(definitions(sequences={}), finish_old=True)
        edited.pass_by(hours=10)
        edited.apply(first)
        edited.enter(ANA)
        edited.pass_by(hours=40)
        assert edited.mails(ANA) == {"guide-thanks": 1, "case-study": 1}
        assert [(run.entry, run.reason) for run in edited.runs()] == [(1, "end")]

    def test_what_came_due_while_it_was_held_goes_within_the_hour_once(self, edited: Edited) -> None:
        edited.apply(guide(THANKS, {"wait": "2d"}, CASE))
        edited.enter(ANA, BEN)
        pause(edited.installation.database, "guide", None, edited.clock.now())
        edited.pass_by(days=3)
        resume(edited.installation.database, "guide", timedelta(hours=1), edited.clock.now())
        edited.pass_by(hours=1)
        assert edited.mails(ANA) == edited.mails(BEN) == {"guide-thanks": 1, "case-study": 1}


class TestEnteringAgainWhileActive:
    """mautic#9797: a second entry made two schedules for one contact, and then stalled."""

    def test_there_is_one_live_run_whatever_comes_into_force(self, edited: Edited) -> None:
        again: dict[str, Any] = {"trigger": {"event": "asset_downloaded"}, "reentry": "after_exit"}
        edited.apply(guide(THANKS, {"wait": "2d"}, CASE, **again))
        edited.enter(ANA)
        edited.enter(ANA)
        edited.apply(guide(THANKS, {"wait": "2d"}, CASE, DEMO, **again))
        edited.enter(ANA)
        assert [(run.entry, run.status) for run in edited.runs()] == [(1, "waiting")]
        edited.apply(guide(CASE, DEMO, **again), finish_old=True)
        edited.enter(ANA)
        assert [(run.entry, run.status) for run in edited.runs()] == [(1, "waiting")]
        edited.pass_by(days=2)
        assert edited.mails(ANA) == {"guide-thanks": 1, "case-study": 1, "book-a-demo": 1}


class TestStepsAreReplaced:
    """mautic#6054: everybody who had finished was processed again. mautic#842: nobody could say what happens to whom."""

    def test_who_is_through_stays_so(self, edited: Edited) -> None:
        edited.apply(guide(THANKS))
        edited.enter(ANA)
        edited.apply(guide({"id": "thanks-anew", "email": "guide-thanks"}, CASE, DEMO))
        edited.enter(ANA)
        edited.pass_by(hours=3)
        assert edited.mails(ANA) == {"guide-thanks": 1}
        assert [run.status for run in edited.runs()] == ["completed"]

    def test_a_step_put_in_before_where_somebody_stands_is_not_for_them_and_one_behind_is(self, edited: Edited) -> None:
        pause_ = {"id": "pause", "wait": "2d"}
        edited.apply(guide(THANKS, pause_, CASE))
        edited.enter(ANA)
        edited.apply(guide(THANKS, REMINDER, pause_, CASE, DEMO))
        edited.pass_by(days=2)
        assert edited.mails(ANA) == {"guide-thanks": 1, "case-study": 1, "book-a-demo": 1}

    def test_steps_in_another_order_under_other_names_mail_nobody_twice(self, edited: Edited) -> None:
        pause_ = {"id": "pause", "wait": "2d"}
        edited.apply(guide(THANKS, CASE, pause_, DEMO))
        edited.enter(ANA)
        edited.apply(guide(pause_, {"id": "story", "email": "case-study"}, DEMO, THANKS))
        edited.pass_by(days=2)
        assert edited.mails(ANA) == {"guide-thanks": 1, "case-study": 1, "book-a-demo": 1}

    def test_deleting_a_branch_sends_nobody_back(self, edited: Edited) -> None:
        arm = {"branch": [{"if": {"stage": "lead"}, "then": [CASE, {"id": "inside", "wait": "2d"}]}, {"else": [REMINDER]}]}
        edited.apply(guide(THANKS, arm, DEMO))
        edited.enter(ANA)
        edited.apply(guide(THANKS, CASE, DEMO), maps={"guide": {"inside": "thanks"}})
        edited.pass_by(days=2)
        assert edited.mails(ANA) == {"guide-thanks": 1, "case-study": 1, "book-a-demo": 1}


class TestTheBackCatalogue:
    """mautic#4137: a campaign was meant for people from now on, and took in everybody of before."""

    def test_from_now_enrolls_nobody_of_before(self, edited: Edited) -> None:
        edited.apply(definitions(sequences={}))
        edited.enter(ANA, BEN)
        edited.apply(guide(THANKS, enroll="from_now"))
        edited.pass_by(hours=3)
        assert edited.runs() == []
        edited.installation.happen(event("page_viewed", edited.clock.now(), anonymous_id=ANA))
        edited.enter(CY)
        assert (edited.mails(ANA), edited.mails(BEN), edited.mails(CY)) == ({}, {}, {"guide-thanks": 1})

"""What people say of the mail they receive comes to the ledger, to where they stand, and to the mail that is queued."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine, func, select

from nurture.adapters.database.consenting import WishesOf
from nurture.adapters.database.tables import consents, messages, paces, permissions, suppressions
from nurture.domain.consent import address_mark
from nurture.domain.event import CONSENT_CONFIRMED, PREFERENCES_CHANGED, UNSUBSCRIBED, Event
from nurture.domain.preferences import Pace, Rhythm, Wishes, told_in
from nurture.reports.personal_data import personal_data
from nurture.reports.why_not import why_not
from tests.support.definitions import definitions
from tests.support.events import event, form
from tests.support.installation import Installation
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock

ANA = "ana@acme.test"

PURPOSE = {"version": "3", "wording": {"en": "Write to me."}, "topics": ["news"], "within": "7d"}
ASK = {"sequence": "ask", "trigger": "manual", "reentry": {"after": "1d"}, "steps": [{"id": "ask", "email": "confirm"}]}
NEWS = {
    "sequence": "news", "trigger": {"event": "form_submitted"}, "topic": "news", "exit": ["unsubscribed"],
    "steps": [{"id": "first", "email": "welcome"}, {"wait": "1d"}, {"id": "second", "email": "case-study"}],
}  # fmt: skip


@pytest.fixture
def installation(migrated_engine: Engine, redis_url: str, clock: MovableClock, smtp_sink: SmtpSink) -> Installation:
    return Installation(migrated_engine, Redis.from_url(redis_url), clock, smtp_sink)


def in_force(installation: Installation, **purpose: Any) -> None:
    topics = {"news": {"en": "News"}, "guides": {"en": "Guides"}}
    given = {"purposes": {"marketing-email": PURPOSE | purpose}, "topics": topics}
    installation.apply(definitions(sequences={"ask": ASK, "news": NEWS}, consents=given))


def subscribes(installation: Installation, purpose: str | None = "marketing-email") -> None:
    posted = form(ANA, at=installation.clock.now())
    told = {**posted.properties, "consent": purpose} if purpose else posted.properties
    at = installation.clock.now().isoformat()
    installation.happen(posted.model_copy(update={"properties": told, "message_id": at, "context": {"locale": "en"}}))
    installation.work()


def by_link(installation: Installation, name: str, **properties: Any) -> Event:
    person = installation.person(ANA).id
    return event(name, installation.clock.now(), person=person, message=1, source="engine", properties=properties)


def confirmed(installation: Installation) -> Event:
    return by_link(installation, CONSENT_CONFIRMED, purpose="marketing-email", address=address_mark(ANA))


def rows(installation: Installation, *columns: Any) -> Sequence[Any]:
    with installation.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(*columns))]


def subjects(installation: Installation) -> list[str]:
    return [mail.message["subject"] for mail in installation.sink.mails]


def reasons(installation: Installation) -> dict[str, str | None]:
    return dict(rows(installation, messages.c.step, messages.c.reason))


def test_a_ticked_box_comes_to_the_ledger_and_to_where_they_stand(installation: Installation) -> None:
    in_force(installation)
    subscribes(installation)
    assert subjects(installation) == ["welcome"]
    c = consents.c
    [(email, purpose, action, wording, version, source, proof)] = rows(
        installation, c.email, c.purpose, c.action, c.wording, c.version, c.source, c.proof
    )  # fmt: skip
    assert (email, purpose, action) == (ANA, "marketing-email", "given")
    assert (wording, version, source) == ("Write to me.", "3", "form:guide")
    assert proof["submission"] == f"s-{ANA}"
    assert rows(installation, permissions.c.email, permissions.c.state) == [(ANA, "given")]


def test_without_the_tick_mail_that_needs_it_is_skipped(installation: Installation) -> None:
    in_force(installation)
    subscribes(installation, purpose=None)
    assert subjects(installation) == []
    assert reasons(installation) == {"first": "no_consent"}


def test_mail_waits_for_the_confirmation_and_goes_as_soon_as_it_comes(installation: Installation) -> None:
    in_force(installation, double_opt_in=True, confirm="ask")
    subscribes(installation)
    assert subjects(installation) == ["confirm"]
    assert reasons(installation) == {"ask": None, "first": "unconfirmed"}
    told = [
        each.text
        for each in why_not(installation.engine, installation.definitions, ANA, "news", installation.clock.now()).findings
    ]
    assert any("has not yet confirmed" in text for text in told)
    installation.later(hours=2)
    installation.happen(confirmed(installation))
    installation.work()
    assert subjects(installation) == ["confirm", "welcome"]
    assert rows(installation, consents.c.action) == [("asked",), ("confirmed",)]


def test_who_does_not_confirm_gets_nothing_in_the_end(installation: Installation) -> None:
    in_force(installation, double_opt_in=True, confirm="ask")
    subscribes(installation)
    installation.later(days=7)
    installation.work()
    assert subjects(installation) == ["confirm"]
    assert reasons(installation)["first"] == "unconfirmed"
    assert dict(rows(installation, messages.c.step, messages.c.status))["first"] == "skipped"


def test_who_has_confirmed_is_not_asked_again(installation: Installation) -> None:
    in_force(installation, double_opt_in=True, confirm="ask")
    subscribes(installation)
    installation.happen(confirmed(installation))
    installation.later(days=3)
    subscribes(installation)
    assert subjects(installation).count("confirm") == 1
    assert rows(installation, permissions.c.state) == [("confirmed",)]


def test_who_unsubscribes_takes_it_back(installation: Installation) -> None:
    in_force(installation)
    subscribes(installation)
    installation.happen(by_link(installation, UNSUBSCRIBED))
    assert rows(installation, permissions.c.state) == [("withdrawn",)]
    assert rows(installation, suppressions.c.scope, suppressions.c.reason) == [("all", UNSUBSCRIBED)]
    installation.later(days=2)
    installation.work()
    assert subjects(installation) == ["welcome"]


def test_a_topic_is_left_and_taken_up_again(installation: Installation) -> None:
    in_force(installation)
    subscribes(installation)
    installation.happen(by_link(installation, PREFERENCES_CHANGED, **told_in({"news": False, "guides": True}, Pace.ALL, None)))
    assert rows(installation, suppressions.c.scope, suppressions.c.reason) == [("topic:news", "preferences")]
    installation.later(days=1)
    installation.work()
    assert reasons(installation) == {"first": None, "second": "topic_off"}
    installation.happen(by_link(installation, PREFERENCES_CHANGED, **told_in({"news": True, "guides": True}, Pace.ALL, None)))
    assert rows(installation, suppressions.c.scope) == []


def test_what_was_never_agreed_to_is_not_left_by_an_unticked_box(installation: Installation) -> None:
    """Somebody who only slows the pace down may still subscribe by a form later."""
    in_force(installation)
    subscribes(installation, purpose=None)
    installation.happen(
        by_link(installation, PREFERENCES_CHANGED, **told_in({"news": False, "guides": False}, Pace.WEEKLY, None))
    )
    assert rows(installation, suppressions.c.scope) == [("topic:guides",)]


def test_who_confirms_takes_up_the_topic_that_they_had_left(installation: Installation) -> None:
    in_force(installation, double_opt_in=True, confirm="ask")
    subscribes(installation)
    installation.happen(confirmed(installation))
    installation.later(hours=1)
    installation.happen(by_link(installation, PREFERENCES_CHANGED, **told_in({"news": False}, Pace.ALL, None)))
    installation.later(hours=1)
    subscribes(installation)
    assert rows(installation, suppressions.c.scope) == [("topic:news",)]
    told = confirmed(installation)
    installation.happen(told.model_copy(update={"message_id": "another link"}))
    assert rows(installation, suppressions.c.scope) == []


def test_who_left_comes_back_by_their_own_link_and_agrees_anew(installation: Installation) -> None:
    in_force(installation)
    subscribes(installation)
    installation.happen(by_link(installation, UNSUBSCRIBED))
    installation.later(hours=1)
    installation.happen(by_link(installation, PREFERENCES_CHANGED, **told_in({"news": True}, Pace.ALL, None)))
    assert rows(installation, suppressions.c.scope) == []
    assert rows(installation, permissions.c.state) == [("confirmed",)]


def test_who_left_stays_away_whatever_is_posted_in_their_name(installation: Installation) -> None:
    """A form proves nothing about an address."""
    in_force(installation)
    subscribes(installation)
    installation.happen(by_link(installation, UNSUBSCRIBED))
    installation.later(days=3)
    subscribes(installation)
    assert rows(installation, suppressions.c.scope) == [("all",)]
    assert subjects(installation) == ["welcome"]


def test_a_pause_and_a_pace_put_mail_off_until_they_say_otherwise(installation: Installation) -> None:
    in_force(installation)
    subscribes(installation)
    installation.later(hours=1)
    installation.happen(
        by_link(
            installation,
            PREFERENCES_CHANGED,
            **told_in({"news": True}, Pace.WEEKLY, installation.clock.now() + timedelta(days=30)),
        )
    )
    installation.later(days=1)
    installation.work()
    assert reasons(installation)["second"] == "asked_to_pause"
    installation.happen(by_link(installation, PREFERENCES_CHANGED, **told_in({"news": True}, Pace.WEEKLY, None)))
    installation.work()
    assert reasons(installation)["second"] == "pace"
    installation.later(days=6)
    installation.work()
    assert subjects(installation) == ["welcome", "case-study"]


def test_a_pause_ends_by_itself(installation: Installation) -> None:
    in_force(installation)
    subscribes(installation)
    installation.happen(
        by_link(
            installation, PREFERENCES_CHANGED, **told_in({"news": True}, Pace.ALL, installation.clock.now() + timedelta(days=30))
        )
    )
    installation.later(days=1)
    installation.work()
    installation.later(days=28)
    installation.work()
    assert subjects(installation) == ["welcome"]
    installation.later(days=1)
    installation.work()
    assert subjects(installation) == ["welcome", "case-study"]


def test_an_older_wish_that_comes_late_changes_nothing(installation: Installation) -> None:
    in_force(installation)
    subscribes(installation)
    older = by_link(installation, PREFERENCES_CHANGED, **told_in({"news": False}, Pace.MONTHLY, None))
    installation.later(hours=1)
    installation.happen(by_link(installation, PREFERENCES_CHANGED, **told_in({"news": True}, Pace.WEEKLY, None)))
    installation.happen(older)
    assert rows(installation, paces.c.pace) == [("weekly",)]
    assert rows(installation, suppressions.c.scope) == []


def test_all_of_it_is_handed_out_and_erased(installation: Installation) -> None:
    from nurture.domain.erasing import Traces
    from nurture.flow.erase import erase

    in_force(installation)
    subscribes(installation)
    installation.happen(by_link(installation, PREFERENCES_CHANGED, **told_in({"news": True}, Pace.WEEKLY, None)))
    told = personal_data(installation.engine, ANA, installation.clock.now())
    assert [each["wording"] for each in told["consents"]] == ["Write to me."]
    assert [each["state"] for each in told["permissions"]] == ["given"]
    assert [each["pace"] for each in told["pace"]] == ["weekly"]
    person = installation.person(ANA).id
    erase([person], Traces(), installation.database, (), installation.clock.now(), wished=True)
    with installation.engine.connect() as connection:
        for table in (consents, permissions, paces):
            assert connection.scalar(select(func.count()).select_from(table)) == 0


def test_what_somebody_wishes_is_known_by_every_link_of_theirs(installation: Installation) -> None:
    in_force(installation)
    subscribes(installation)
    person, until = installation.person(ANA).id, installation.clock.now() + timedelta(days=30)
    ask = WishesOf(installation.engine)
    assert ask(person) == Wishes(agreed=frozenset({"marketing-email"}))
    told = told_in({"news": True, "guides": False}, Pace.MONTHLY, until, {"open-tracking": True})
    installation.happen(by_link(installation, PREFERENCES_CHANGED, **told))
    rhythm = Rhythm(Pace.MONTHLY, until, installation.clock.now())
    assert ask(person) == Wishes(False, frozenset({"guides"}), rhythm, frozenset({"marketing-email", "open-tracking"}))
    installation.later(hours=1)
    installation.happen(
        by_link(installation, PREFERENCES_CHANGED, **told_in({"news": True}, Pace.ALL, None, {"open-tracking": False}))
    )
    installation.happen(by_link(installation, UNSUBSCRIBED))
    assert (ask(person).unsubscribed, ask(person).agreed) == (True, frozenset())
    assert ask(12345) == Wishes()


def test_what_is_said_counts_once(installation: Installation) -> None:
    in_force(installation)
    subscribes(installation)
    wish = by_link(installation, UNSUBSCRIBED)
    installation.happen(wish)
    installation.happen(wish.model_copy(update={"received_at": wish.received_at + timedelta(hours=1)}))
    assert rows(installation, consents.c.action) == [("given",), ("withdrawn",)]

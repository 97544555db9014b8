"""All that is held is listed, of whatever kind."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from nurture.domain.holds import EVERYTHING, Hold
from nurture.domain.mail.brakes import Brake, Learned
from nurture.flow.hold import drain, pause
from nurture.flow.hold_queue import hold
from nurture.reports.braking import held_back
from nurture.reports.holds import held
from nurture.reports.reading import snapshot
from tests.support.definitions import definitions
from tests.support.installation import Installation


def test_nothing_is_held(installation: Installation) -> None:
    with snapshot(installation.engine) as connection:
        assert held(connection) == ()


def test_everything_that_is_held_is_told(installation: Installation) -> None:
    at = installation.clock.now()
    steps = [{"id": "thanks", "email": "guide-thanks"}]
    other = {"sequence": "other", "trigger": {"event": "form_submitted"}, "steps": steps}
    installation.apply(definitions(sequences={"guide-nurture": {**other, "sequence": "guide-nurture"}, "other": other}))
    pause(installation.database, "guide-nurture", "a wrong price", at, "ana")
    drain(installation.database, "other", None, at, "bob")
    hold(installation.database, Hold("queue", "mail", "draining", "an upgrade", at, "ana"))
    hold(installation.database, Hold("all", EVERYTHING, "paused", None, at))
    for name, until in (("gmail.com", None), ("acme.test", at + timedelta(hours=1))):
        installation.database.routing.keep(Learned([Brake("domain", name, at, until, "refused", "ana")], [], []))
    with snapshot(installation.engine) as connection:
        found = held(connection, at)
        assert [(each.kind, each.name, each.how, each.by) for each in found] == [
            ("all", EVERYTHING, "paused", None),
            ("queue", "mail", "draining", "ana"),
            ("sequence", "guide-nurture", "paused", "ana"),
            ("sequence", "other", "draining", "bob"),
            ("domain", "acme.test", "paused", "ana"),
            ("domain", "gmail.com", "paused", "ana"),
        ]
        assert [each.what for each in found][:3] == ["everything", "the queue mail", "the sequence guide-nurture"]
        assert found[-1].ends_with == "nurture resume domain gmail.com"
        assert found[0].ends_with == "nurture resume all"
        assert {each.since for each in found} == {at}
        later = held(connection, at + timedelta(hours=2))
        assert "acme.test" not in {each.name for each in later}
        assert list(held_back(connection, at)) == [], "a domain is no brake beside"


def test_a_schema_from_before_there_were_holds_holds_nothing(migrated_engine: Engine) -> None:
    with migrated_engine.begin() as connection:
        connection.execute(text("DROP TABLE holds"))
    with snapshot(migrated_engine) as connection:
        assert held(connection) == ()


@pytest.mark.parametrize("kind", ["queue", "all"])
def test_a_hold_says_how_to_end_it(installation: Installation, kind: str) -> None:
    name = "mail" if kind == "queue" else EVERYTHING
    hold(installation.database, Hold("queue" if kind == "queue" else "all", name, "paused", None, installation.clock.now()))
    with snapshot(installation.engine) as connection:
        [found] = held(connection)
    assert found.ends_with == ("nurture resume queue mail" if kind == "queue" else "nurture resume all")

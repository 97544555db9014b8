"""What `notify` steps tell reaches the systems they name, and goes where its person goes."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Row, Table, select
from standardwebhooks import Webhook

from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import alerts, deliveries, people
from nurture.adapters.webhook import WebhookCaller
from nurture.domain.erasing import Traces
from nurture.domain.outward import LOOPBACK
from nurture.flow.advance import advance
from nurture.flow.erase import erase
from nurture.flow.hand_off import HandedOff, hand_off
from nurture.flow.merge import merge, unmerge
from nurture.reports.people import find_person
from nurture.reports.personal_data import personal_data
from nurture.reports.story import story
from tests.flow.conftest import Intake
from tests.support.definitions import GUIDE_SEQUENCE, definitions
from tests.support.events import download, form
from tests.support.receiver import Receiver

SECRET = "whsec_" + "c2VjcmV0" * 4
ANA = "ana@acme.test"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


class Sales:
    """An installation whose sequence tells sales about everybody who downloads the guide."""

    def __init__(self, intake: Intake, receiver: Receiver) -> None:
        self.intake, self.database, self.clock, self.receiver = intake, intake.database, intake.clock, receiver
        self.stages: list[str] = []

    def put_in_force(self) -> None:
        crm = {"url": self.receiver.url, "stages": self.stages, "secret": "crm"}
        steps = [{"id": "call", "notify": "crm", "text": "Ring them today"}, {"wait": "2d"}]
        made = definitions(handoff={"endpoints": {"crm": crm}}, sequences={"guide-nurture": GUIDE_SEQUENCE | {"steps": steps}})
        with self.database.engine.begin() as connection:
            apply(connection, made, self.clock.now())

    def come(self, *addresses: str) -> None:
        """Everybody downloads the guide and takes the first step."""
        for address in addresses:
            self.intake.put(form(address, device=address, company="Acme"), download(address))
        self.intake.absorb(2 * len(addresses))
        advance(self.database, self.clock, lambda *_: False)

    def hand_off(self) -> HandedOff:
        return hand_off(self.database.handing_off, WebhookCaller({"crm": [SECRET]}, allowed=LOOPBACK), self.clock, lambda: 0.0)

    def rows(self, table: Table) -> list[Row[Any]]:
        with self.database.engine.connect() as connection:
            return list(connection.execute(select(table).order_by(table.c.id)))

    def id_of(self, address: str) -> int:
        [found] = [row.id for row in self.rows(people) if row.email == address and row.merged_into is None]
        return int(found)


@pytest.fixture
def sales(intake: Intake, receiver: Receiver) -> Sales:
    sales = Sales(intake, receiver)
    sales.put_in_force()
    return sales


def test_an_alert_reaches_the_endpoint_it_is_for_once_and_signed(sales: Sales, receiver: Receiver) -> None:
    sales.come(ANA)
    assert sales.hand_off() == HandedOff(claimed=1, delivered=1)
    assert sales.hand_off() == HandedOff()
    [taken] = receiver.taken
    assert {name: taken.data[name] for name in ("sequence", "step", "text")} == {
        "sequence": "guide-nurture", "step": "call", "text": "Ring them today",
    }  # fmt: skip
    assert (taken.data["person"]["email"], taken.data["person"]["attributes"]) == (ANA, {"company": "Acme"})
    assert [line["rule"] for line in taken.data["score_lines"]] == ["download"]
    assert taken.headers["webhook-signature"] == Webhook(SECRET).sign(taken.id, sales.clock.now(), taken.body.decode())


def test_stage_changes_and_alerts_go_out_together(sales: Sales, receiver: Receiver) -> None:
    sales.stages = ["lead"]
    sales.put_in_force()
    sales.come(ANA, "ben@acme.test")
    assert [sales.hand_off() for _ in range(2)] == [HandedOff(claimed=2, delivered=2)] * 2  # of each person one after the other
    assert sorted(taken.data.get("step") or taken.data["to"] for taken in receiver.taken) == ["call", "call", "lead", "lead"]
    assert len(set(receiver.ids)) == 4


def test_an_alert_that_fails_is_tried_again_under_its_id(sales: Sales, receiver: Receiver) -> None:
    sales.come(ANA)
    receiver.answers.append(503)
    assert sales.hand_off() == HandedOff(claimed=1)
    sales.clock.advance(timedelta(seconds=5))
    assert sales.hand_off() == HandedOff(claimed=1, delivered=1)
    assert len(set(receiver.ids)) == 1


def test_an_alert_follows_its_run_to_whoever_the_person_is_and_back(sales: Sales, receiver: Receiver) -> None:
    sales.come(ANA, "ana@home.test")
    work, home = sales.id_of(ANA), sales.id_of("ana@home.test")
    entry = merge(sales.database, sales.clock, home, work, "operator", "she told us")
    assert {row.person_id for row in sales.rows(alerts)} == {work}
    assert sales.hand_off() == HandedOff(claimed=2, delivered=2)
    assert {taken.data["person"]["id"] for taken in receiver.taken} == {str(work)}
    unmerge(sales.database, sales.clock, entry.id, "operator")
    assert {row.person_id for row in sales.rows(alerts)} == {work, home}


def test_whoever_is_erased_leaves_no_alert_and_nobody_is_told_of_them(sales: Sales, receiver: Receiver) -> None:
    sales.come(ANA, "ben@acme.test")
    account = erase([sales.id_of(ANA)], Traces(), sales.database, (), sales.clock.now())
    assert (account.removed["alerts"], account.removed["deliveries"]) == (1, 1)
    assert [row.person_id for row in sales.rows(alerts)] == [sales.id_of("ben@acme.test")]
    assert len(sales.rows(deliveries)) == 1
    assert sales.hand_off() == HandedOff(claimed=1, delivered=1)
    assert [taken.data["person"]["email"] for taken in receiver.taken] == ["ben@acme.test"]


def test_a_person_who_asks_what_is_kept_is_told_of_alerts_and_who_got_them(sales: Sales) -> None:
    sales.come(ANA, "ben@acme.test")
    sales.hand_off()
    [told] = personal_data(sales.database.engine, ANA, sales.clock.now())["alerts"]
    assert (told["step"], told["text"]) == ("call", "Ring them today")
    assert told["handed_off"] == [{"endpoint": "crm", "status": "delivered"}]


def test_a_persons_story_tells_what_sales_was_told(sales: Sales, database: Database) -> None:
    sales.come(ANA)
    sales.hand_off()
    with database.engine.connect() as connection:
        in_force = database.releases.current(connection)
        assert find_person(connection, ANA).person.email == ANA
    [run] = story(database.engine, in_force, ANA, sales.clock.now()).enrollments
    [told] = run.alerts
    assert (told.step, told.endpoint, told.status, told.detail) == ("call", "crm", "delivered", "HTTP 204")

"""The round trip with sales that docs/sales.md tells, with its own files: form, call, reminder, escalation, answer, customer."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis
from sqlalchemy import Engine, select
from standardwebhooks import Webhook

from nurture.adapters.agents import kind_of_agent
from nurture.adapters.calendar import is_holiday
from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import follow_ups, people, stage_changes
from nurture.adapters.hooks.taking import key_of
from nurture.adapters.stream import held_partition
from nurture.adapters.webhook import WebhookCaller
from nurture.bootstrap import load_definitions
from nurture.domain.outward import LOOPBACK
from nurture.flow.absorb import absorb
from nurture.flow.follow_up import follow_up
from nurture.flow.hand_off import hand_off
from nurture.reports.calling import leads_to_call
from nurture.reports.reading import snapshot
from nurture.settings import Settings
from tests.acceptance.conftest import ROOT
from tests.support.installation import BROWSER
from tests.support.receiver import Receiver, Taken
from tests.support.waiting import MovableClock
from tests.web.conftest import PARTITIONS, Web, serving

ANA = "ana@example.com"
SECRET = "whsec_" + "c2VjcmV0" * 4
BLOCKS = re.findall(r"```(yaml|json)\n(.*?)```", (ROOT / "docs/sales.md").read_text(), re.DOTALL)
REMINDER, ANSWER = (json.loads(text) for kind, text in BLOCKS if kind == "json")


def paris(day: int, clock: str) -> datetime:
    """An instant of March 2026, where Paris is an hour ahead."""
    return datetime.fromisoformat(f"2026-03-{day:02}T{clock}+01:00").astimezone(UTC)


def holds(told: Any, part: Any) -> bool:
    """Whether a document says all that a part of it says."""
    if isinstance(part, Mapping):
        return all(name in told and holds(told[name], inner) for name, inner in part.items())
    return bool(told == part)


@dataclass
class Trade:
    """Marketing, sales and what is between them."""

    web: Web
    database: Database
    redis: Redis
    clock: MovableClock
    receiver: Receiver

    def at(self, instant: datetime) -> None:
        """It is that late, and the workers have done what there was to do; everything twice, as it may come."""
        self.clock.move_to(instant)
        caller = WebhookCaller({"crm": [SECRET]}, allowed=LOOPBACK)
        for _ in range(2):
            for number in range(PARTITIONS):
                with held_partition(self.redis, number) as partition:
                    assert partition is not None
                    absorb(partition, self.database, self.clock, kind_of_agent)
            follow_up(self.database.following_up, self.clock, is_holiday)
            while hand_off(self.database.handing_off, caller, self.clock, lambda: 0.0).claimed:
                pass

    def called(self) -> list[tuple[str, str, str]]:
        """Who was told of what since this was last asked, and at which stage she stood."""
        told = [(each.path.rpartition("/")[2], type_of(each), each.data["person"]["stage"]) for each in self.receiver.taken]
        self.receiver.taken.clear()
        return told

    def answer(self, said: dict[str, Any], number: str) -> httpx.Response:
        body, at = json.dumps(said), self.clock.now()
        signature = Webhook(SECRET).sign(number, at, body)
        headers = {"webhook-id": number, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}
        return self.web.client.post(f"/hooks/desk/{key_of(self.web.tokens, 'desk', 1)}", content=body, headers=headers)

    def stage(self) -> str:
        with self.database.engine.connect() as connection:
            return str(connection.execute(select(people.c.stage).where(people.c.email == ANA)).scalar_one())

    def due(self) -> list[tuple[str | None, bool]]:
        with snapshot(self.database.engine) as connection:
            found = leads_to_call(connection, self.database.releases.current(connection), self.clock.now())
        return [(each.email, each.overdue) for each in found]


def type_of(taken: Taken) -> str:
    kind: str = json.loads(taken.body)["type"]
    return kind


@pytest.fixture
def trade(migrated_engine: Engine, redis_url: str, tmp_path: Path) -> Iterator[Trade]:
    """The example configuration with the files of the page, whose endpoints are the receiver's."""
    clock = MovableClock(paris(2, "10:00"))
    with Receiver() as receiver:
        config = tmp_path / "web" / "config"
        shutil.copytree(ROOT / "config", config)
        for _, text in (block for block in BLOCKS if block[0] == "yaml"):
            [name] = re.findall(r"^# config/(\S+)", text)
            local = re.sub(r"https://(\w+)\.example\.com/hooks", rf"{receiver.url}/\1", text)
            (config / name).write_text(local)
        loaded = load_definitions(Settings(config_dir=config, templates_dir=ROOT / "templates/emails"))
        assert loaded.definitions is not None, loaded.errors
        with migrated_engine.begin() as connection:
            apply(connection, loaded.definitions, clock.now())
        secrets = Settings.model_validate({"hook_secrets": {"desk": SECRET}}).hook_secrets
        with serving(redis_url, tmp_path / "web", definitions=loaded.definitions, clock=clock, hook_secrets=secrets) as web:
            web.client.headers["user-agent"] = BROWSER
            yield Trade(web, Database(migrated_engine, "a secret of these tests"), Redis.from_url(redis_url), clock, receiver)


def test_the_page_tells_what_happens(trade: Trade) -> None:
    guide = trade.web.client.post("/f/guide", data={"email": ANA, "job_title": "Head of Sales", "consent": "on"})
    assert trade.web.client.get(guide.headers["location"]).status_code == 200
    trade.at(paris(2, "10:00"))
    assert (trade.stage(), trade.called()) == ("lead", [])

    trade.clock.move_to(paris(2, "10:30"))
    who = {"email": ANA, "first_name": "Ana", "last_name": "Lopez", "company": "Acme"}
    assert trade.web.client.post("/f/demo-request", data=who).status_code == 303
    trade.at(paris(2, "10:30"))
    assert trade.called() == [("crm", "stage.changed.v1", "sql")]
    assert trade.due() == [(ANA, False)]

    trade.at(paris(2, "14:29"))
    assert trade.called() == []
    trade.at(paris(2, "14:30"))
    assert holds(json.loads(trade.receiver.taken[0].body), REMINDER)
    [call] = trade.receiver.taken
    assert call.headers["webhook-signature"] == Webhook(SECRET).sign(call.id, trade.clock.now(), call.body.decode())
    assert trade.called() == [("chat", "lead.untouched.v1", "sql")]
    assert trade.due() == [(ANA, True)]

    trade.at(paris(4, "10:29"))
    assert trade.called() == []
    trade.at(paris(4, "10:30"))
    assert trade.called() == [("sales", "lead.untouched.v1", "sql")]

    trade.clock.move_to(paris(4, "11:00"))
    for _ in range(2):  # a CRM repeats what it was not sure of
        assert trade.answer(ANSWER, "a-1").json()["taken"] == 1
    trade.at(paris(4, "11:00"))
    assert (trade.stage(), trade.called(), trade.due()) == ("opportunity", [], [])

    trade.clock.move_to(paris(18, "11:00"))
    won = {"type": "lead.answered", "data": {"person": {"email": ANA}, "answer": "won", "amount": 12_000, "currency": "EUR"}}
    assert trade.answer(won, "a-2").status_code == 200
    trade.at(paris(18, "11:00"))
    assert (trade.stage(), trade.called()) == ("customer", [("crm", "stage.changed.v1", "customer")])
    trade.at(paris(31, "11:00"))
    assert trade.called() == []
    with trade.database.engine.connect() as connection:
        moves = connection.scalars(select(stage_changes.c.to_stage).order_by(stage_changes.c.at)).all()
        [told] = connection.execute(select(follow_ups.c.level, follow_ups.c.answer))
    assert (list(moves), tuple(told)) == (["lead", "sql", "opportunity", "customer"], (2, "accepted"))

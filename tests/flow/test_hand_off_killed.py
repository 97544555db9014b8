"""A worker that hands off is killed with -9, at the worst moments: nothing is lost, and what is told twice bears the same id."""

import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from nurture.adapters.clock import SystemClock
from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import deliveries
from nurture.adapters.webhook import WebhookCaller
from nurture.domain.outward import LOOPBACK
from nurture.domain.telling.calls import LEASE
from nurture.flow.hand_off import hand_off
from tests.flow.conftest import Intake
from tests.support.definitions import definitions
from tests.support.events import download, form
from tests.support.receiver import HANG, Receiver
from tests.support.waiting import MovableClock, wait_until

SECRET = "whsec_" + "c2VjcmV0" * 4
LEADS = 5

# A worker's hand-off, on the database that is named. With `answered` it stops where everybody has answered and nothing is noted yet.
_PROGRAM = """
import random, sys, time
from nurture.adapters.clock import SystemClock
from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.handing_off import HandingOffStore
from nurture.adapters.database.releases import Releases
from nurture.adapters.webhook import WebhookCaller
from nurture.domain.outward import LOOPBACK
from nurture.flow.hand_off import hand_off

class Store(HandingOffStore):
    def settle(self, *told):
        if sys.argv[3] == "answered":
            print("answered", flush=True)
            time.sleep(600)
        super().settle(*told)

store = Store(make_engine(sys.argv[1]), Releases())
hand_off(store, WebhookCaller({"crm": [sys.argv[2]]}, 60.0, allowed=LOOPBACK), SystemClock(), random.random)
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.mark.parametrize("moment", ["asked", "answered"])
def test_what_a_killed_worker_was_telling_is_told_again_under_the_same_id(
    intake: Intake, database: Database, database_url: str, receiver: Receiver, clock: MovableClock, moment: str
) -> None:
    endpoint = {"url": receiver.url, "stages": ["lead"], "secret": "crm"}
    with database.engine.begin() as connection:
        apply(connection, definitions(handoff={"endpoints": {"crm": endpoint}}), clock.now())
    for number in range(LEADS):
        intake.put(form(f"p{number}@acme.test", device=f"d{number}"), download(f"p{number}@acme.test"))
    intake.absorb(2 * LEADS)
    if moment == "asked":
        receiver.answers.extend([HANG] * LEADS)  # it has the calls, and the worker never hears so

    command = [sys.executable, "-c", _PROGRAM, database_url, SECRET, moment]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        wait_until(lambda: len(receiver.taken) == LEADS, 60.0)
        if moment == "answered":
            assert worker.stdout is not None
            assert worker.stdout.readline() == "answered\n"
        worker.kill()
    assert _statuses(database) == ["waiting"] * LEADS

    clock.move_to(SystemClock().now() + LEASE + timedelta(seconds=1))
    caller = WebhookCaller({"crm": [SECRET]}, 5.0, allowed=LOOPBACK)
    while hand_off(database.handing_off, caller, clock, random.random).claimed:
        pass
    assert _statuses(database) == ["delivered"] * LEADS
    assert len(receiver.taken) == 2 * LEADS
    assert {receiver.ids.count(id_) for id_ in receiver.ids} == {2}


def _statuses(database: Database) -> list[str]:
    with database.engine.connect() as connection:
        return list(connection.scalars(select(deliveries.c.status)))

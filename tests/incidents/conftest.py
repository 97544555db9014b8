"""A small installation as browsers and servers meet it: a real web process, the real stream, and the verbs behind it.

Every test that takes `site` runs on SQLite and on PostgreSQL, with events absorbed as they happened and backwards, one by one.
At its end nothing may differ from a fresh computation, and nothing may lie among the dead letters.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import httpx
import pytest
from sqlalchemy import Engine, Row, func, select

from nurture.adapters import redis_keys
from nurture.adapters.agents import kind_of_agent
from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import events, identifiers, identity_journal, people, score_cells
from nurture.adapters.dead_letters import DeadLetters
from nurture.adapters.stream import held_partition
from nurture.domain.definitions import Definitions
from nurture.domain.event import EVENT
from nurture.domain.person import Person
from nurture.flow.absorb import absorb
from nurture.flow.advance import advance
from nurture.flow.recount import recount
from nurture.flow.send import send
from nurture.reports.people import Known, find_person
from nurture.reports.verify import verify
from tests.support.definitions import DEFINITIONS
from tests.support.definitions import definitions as shared_definitions
from tests.support.installation import BROWSER, LineWriter
from tests.support.mailrooms import mailroom
from tests.support.servers import RedisServer
from tests.support.waiting import MovableClock
from tests.web.conftest import KEY, PARTITIONS, SECRET_KEY, Web, new_client, serving

Arrival = Literal["in_order", "backwards"]

FIELDS: Final = {"email": "required", "first_name": "optional", "country": "optional", "job_title": "optional"}


def site_definitions() -> Definitions:
    """The shared definitions, with a form that asks for names, too."""
    forms = {"guide": {"asset": "guide", "deliver": "redirect", "fields": FIELDS}}
    return shared_definitions(forms=forms, sequences=DEFINITIONS["sequences"])


@dataclass
class Browser:
    """One browser: its cookie, and the calls that the snippet in it makes. Each thing it does takes a minute."""

    site: "Site"
    device: str
    client: httpx.Client
    headers: dict[str, str] = field(default_factory=dict)

    def call(self, kind: str, **call: Any) -> httpx.Response:
        self.site.minute_passes()
        body = {"writeKey": KEY, "anonymousId": self.device, **call}
        answer = self.client.post(f"/v1/{kind}", json=body, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer

    def page(self, path: str, **page: Any) -> httpx.Response:
        shown = {"path": path, "url": f"https://www.example.com{path}", **page}
        return self.call("page", context={"page": shown})

    def identify(self, user: str | None = None, **traits: Any) -> httpx.Response:
        return self.call("identify", userId=user, traits=traits)

    def alias(self, user: str | None, previous: str | None) -> httpx.Response:
        return self.call("alias", userId=user, previousId=previous)

    def form(self, email: str, **fields: str) -> httpx.Response:
        """Send the form; the answer leads to the asset."""
        self.site.minute_passes()
        answer = self.client.post("/f/guide", data={"email": email, **fields}, headers=self.headers)
        assert answer.status_code == 303, answer.text
        return answer

    def download(self, email: str, **fields: str) -> str:
        """Send the form and fetch the asset; the link to it."""
        address = self.form(email, **fields).headers["location"]
        assert self.client.get(address, headers=self.headers).status_code == 200
        return address


@dataclass
class Site:
    """The installation, and what a test asks it."""

    web: Web
    engine: Engine
    arrival: Arrival
    database: Database = field(init=False)
    clients: list[httpx.Client] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database = Database(self.engine)
        self.release(site_definitions())

    def release(self, definitions: Definitions) -> None:
        """Put definitions in force, for the web process and for the workers."""
        self.web.in_force[0] = definitions
        with self.engine.begin() as connection:
            apply(connection, definitions, self.web.clock.now())

    def minute_passes(self) -> None:
        self.web.clock.advance(timedelta(minutes=1))

    def browser(self, device: str, agent: str = BROWSER) -> Browser:
        client = new_client(self.web.base)
        client.headers["user-agent"] = agent
        client.cookies.set("nurture_id", device)
        self.clients.append(client)
        return Browser(self, device, client)

    def server(self, kind: str, **call: Any) -> httpx.Response:
        """A call of the customer's own back end."""
        self.minute_passes()
        headers = {"Authorization": f"Bearer {SECRET_KEY}", "User-Agent": "analytics-python/2.3.2"}
        answer = self.web.client.post(f"/v1/{kind}", json=call, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer

    def absorb(self) -> None:
        """Take everything that waits, and work out whoever is due."""
        if self.arrival == "in_order":
            self.drain_all()
            self.recount()
        else:
            self._one_by_one(self._taken_out()[::-1])

    def absorb_in_order(self, order: Sequence[int]) -> None:
        """Take what waits one by one, in an order of its own."""
        waiting = self._taken_out()
        self._one_by_one([waiting[place] for place in order])

    def _one_by_one(self, waiting: Sequence[tuple[int, datetime, bytes]]) -> None:
        for number, _, body in waiting:
            self.web.redis.xadd(redis_keys.events(number), {redis_keys.FIELD: body})
            self.drain(number)
            self.recount()

    def _taken_out(self) -> list[tuple[int, datetime, bytes]]:
        """What waits, in the order in which it happened, with its partition; it lies in the stream no more."""
        found = []
        for number in range(PARTITIONS):
            entries: Any = self.web.redis.xrange(redis_keys.events(number))
            for id_, fields in entries:
                body = fields[redis_keys.FIELD]
                found.append((number, EVENT.validate_json(body).occurred_at, body))
                self.web.redis.xdel(redis_keys.events(number), id_)
        return sorted(found, key=lambda each: each[1])

    def drain_all(self) -> None:
        for number in range(PARTITIONS):
            self.drain(number)

    def drain(self, number: int) -> None:
        with held_partition(self.web.redis, number) as partition:
            assert partition is not None
            while absorb(partition, self.database, self.web.clock, kind_of_agent).read:
                pass

    def recount(self) -> None:
        while recount(self.database, self.web.clock).due:
            pass

    def advance(self) -> None:
        while advance(self.database, self.web.clock, lambda *_: False).moved:
            pass

    @property
    def web_url(self) -> str:
        """Where readers find the web process, as links in mails have it."""
        return "http://localhost:8000"

    def work(self, url: str) -> None:
        """Take every step and send every mail that is due to the server at `url`."""
        self.advance()
        with mailroom(self.database.sending, LineWriter(), self.web.clock, default=url) as room:
            while send(room).claimed:
                pass

    def rows(self, table: Any, *which: Any) -> list[Row[Any]]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(table).where(*which)))

    def count(self, table: Any) -> int:
        with self.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(table)) or 0

    def known(self, name: str | int) -> Known:
        """Whom an address, a user id, a browser's id or our own id names."""
        with self.engine.connect() as connection:
            return find_person(connection, str(name))

    def person(self, name: str | int) -> Person:
        return self.known(name).person

    def everybody(self) -> list[int]:
        """The people there are, without those who turned out to be another."""
        return [row.id for row in self.rows(people, people.c.merged_into.is_(None))]

    def names_of(self, name: str) -> set[tuple[str, str]]:
        """What somebody is known by, without the posts of forms."""
        held = self.rows(identifiers, identifiers.c.person_id == self.person(name).id)
        return {(row.kind, row.value) for row in held if row.kind != "submission"}

    def hits(self, name: str) -> dict[str, int]:
        """How often each scoring rule was hit."""
        found: Counter[str] = Counter()
        for row in self.rows(score_cells, score_cells.c.person_id == self.person(name).id):
            found[row.rule] += row.hits
        return dict(found)

    def did(self, name: str) -> list[str]:
        """What somebody did, in their order; of pages, their paths."""
        ids = self.known(name).ids
        rows = sorted(self.rows(events, events.c.person_id.in_(ids)), key=lambda row: row.occurred_at)
        return [row.body.get("context", {}).get("page", {}).get("path", row.name) for row in rows]

    def journal(self, action: str) -> list[Row[Any]]:
        """What the journal holds of links and people, as far as it is still true."""
        return self.rows(identity_journal, identity_journal.c.action == action, identity_journal.c.undone_at.is_(None))

    def refused(self) -> set[tuple[str, str]]:
        """Identifiers that somebody asked for in vain, with the reason."""
        return {(row.value, row.reason) for row in self.journal("refused")}

    def check(self) -> None:
        """Nothing differs from a fresh computation, and nothing was set aside."""
        with self.engine.connect() as connection:
            definitions = self.database.releases.current(connection)
        assert verify(self.engine, definitions) == []
        assert DeadLetters(self.web.redis).count() == 0


@pytest.fixture(scope="session")
def _served(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with serving(redis_server.url, tmp_path_factory.mktemp("incidents"), definitions=site_definitions()) as served:
        yield served


@pytest.fixture(params=["in_order", "backwards"])
def arrival(request: pytest.FixtureRequest) -> Arrival:
    """In which order events reach the workers."""
    kind: Arrival = request.param
    return kind


@pytest.fixture
def site(_served: Web, redis_server: RedisServer, migrated_engine: Engine, arrival: Arrival) -> Iterator[Site]:
    redis_server.flush()
    _served.clock.move_to(MovableClock().now())
    found = Site(_served, migrated_engine, arrival)
    yield found
    for client in found.clients:
        client.close()
    found.check()

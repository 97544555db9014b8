"""Scanners, crawlers and doubled calls: what other systems took for people, end to end."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from nurture.adapters import redis_keys
from nurture.adapters.agents import kind_of_agent
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import (
    enrollments,
    events,
    identifiers,
    messages,
    people,
    score_cells,
    stage_changes,
    suppressions,
)  # fmt: skip
from nurture.adapters.stream import StreamPartition
from nurture.adapters.tokens import Click, Download, MailLink
from nurture.domain.definitions import Definitions
from nurture.domain.event import route_of_person
from nurture.flow.absorb import absorb
from nurture.ports import Entry
from tests.incidents.conftest import FIELDS, Site
from tests.support.definitions import DEFINITIONS, GUIDE_SEQUENCE
from tests.support.definitions import definitions as shared_definitions
from tests.support.installation import BROWSER, CRAWLER, claim
from tests.support.smtp import SmtpSink
from tests.web.conftest import KEY, PARTITIONS, new_client

pytestmark = pytest.mark.parametrize("arrival", ["in_order"], indirect=True)

#: A form whose asset comes by mail, and a sequence that asks whether a link in that mail was clicked.
BY_MAIL: dict[str, Any] = {
    **GUIDE_SEQUENCE,
    "trigger": {"event": "form_submitted"},
    "window": None,
    "steps": [
        {"id": "thanks", "email": "guide-thanks", "window": "any"},
        {"wait": "2d"},
        {
            "branch": [
                {"if": {"happened": {"event": "email_clicked"}}, "then": [{"id": "interested", "email": "book-a-demo"}]},
                {"else": [{"id": "reminder", "email": "case-study-reminder"}]},
            ]
        },
    ],
}


def by_mail() -> Definitions:
    scoring = DEFINITIONS["scoring"]
    return shared_definitions(
        forms={"guide": {"asset": "guide", "deliver": "email", "fields": FIELDS}},
        sequences={"guide-nurture": {name: part for name, part in BY_MAIL.items() if part is not None}},
        scoring={**scoring, "rules": [*scoring["rules"], {"id": "clicked", "on": "email_clicked", "points": 5}]},
    )


@dataclass
class Mail:
    """A mail that Ana got, and whatever opens its links."""

    site: Site
    client: httpx.Client
    message: int
    person: int

    def click(self, path: str, *, method: str = "GET", **headers: str) -> httpx.Response:
        """Somebody asks for a link of the mail."""
        return self.follow(f"https://www.example.com{path}", method=method, **headers)

    def follow(self, target: str, *, method: str = "GET", **headers: str) -> httpx.Response:
        token = self.site.web.tokens.click(Click(self.message, self.person, target))
        answer = self.client.request(method, f"/c/{token}", headers=headers)
        assert (answer.status_code, answer.headers["location"]) == (302, target)
        return answer

    def asset(self) -> str:
        """The path of the reader's own link to the asset, as it stands in the mail."""
        expires = self.site.web.clock.now() + timedelta(days=7)
        return f"/a/{self.site.web.tokens.download(Download('guide', None, self.person, route_of_person(self.person), expires, self.message))}"

    def verdicts(self) -> list[tuple[str, tuple[str, ...]]]:
        """What is thought of everything that was opened in the mail, in its order."""
        rows = [row for row in self.site.rows(events) if row.body.get("message") == self.message]
        return [(row.verdict, tuple(row.verdict_reasons or ())) for row in sorted(rows, key=lambda row: row.occurred_at)]

    def steps(self) -> set[str]:
        """The steps whose mails were planned."""
        return {row.step for row in self.site.rows(messages)}


@pytest.fixture
def mail(site: Site, smtp_sink: SmtpSink) -> Mail:
    """The first mail of the sequence, just sent."""
    site.release(by_mail())
    laptop = site.browser("anas-laptop")
    laptop.form("ana@example.com")
    site.absorb()
    site.work(smtp_sink.url)
    [sent] = site.rows(messages)
    assert sent.status == "sent"
    return Mail(site, site.browser("nobodys-cookie").client, sent.id, sent.person_id)


def passes(mail: Mail, **by: float) -> None:
    mail.site.web.clock.advance(timedelta(**by))


SEVERAL = ("machine", ("several_links_at_once",))
TOO_SOON = ("machine", ("too_soon_after_sending",))
LINKS = ("/pricing", "/blog/a", "/careers")


@pytest.mark.parametrize("absorbed", ["together", "one by one"])
def test_all_links_at_once_are_no_reader__mautic_16263(mail: Mail, smtp_sink: SmtpSink, absorbed: str) -> None:
    """A scanner that clicked every link scored and took branches; here nothing of it counts, and a first click that had been
    counted before the others came is taken back.
    """
    passes(mail, hours=1)
    for number, path in enumerate(LINKS):
        mail.click(path)
        passes(mail, milliseconds=300)
        if absorbed == "one by one":
            mail.site.drain_all()
            if not number:
                assert mail.site.hits("ana@example.com") == {"clicked": 1}
    mail.site.absorb()
    assert mail.verdicts() == [SEVERAL] * 3
    assert mail.site.hits("ana@example.com") == {}
    assert mail.site.person("ana@example.com").last_touch is None
    passes(mail, days=3)
    mail.site.work(smtp_sink.url)
    assert mail.steps() == {"thanks", "reminder"}
    assert mail.site.rows(stage_changes) == []


def test_the_same_link_twice_is_no_burst(mail: Mail, smtp_sink: SmtpSink) -> None:
    """Two clicks on one link are a reader's double click: it counts, and the branch is taken."""
    passes(mail, hours=1, milliseconds=700)
    mail.click("/pricing")
    passes(mail, milliseconds=600)
    mail.click("/pricing")
    mail.site.absorb()
    assert mail.verdicts() == [("human", ())] * 2
    assert mail.site.hits("ana@example.com") == {"clicked": 2}
    passes(mail, days=3)
    mail.site.work(smtp_sink.url)
    assert mail.steps() == {"thanks", "interested"}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_burst_that_begins_too_soon_is_one_as_a_whole(mail: Mail, order: Sequence[int]) -> None:
    """The first of two clicks at once falls under the five seconds after sending, the other does not: neither counts."""
    passes(mail, seconds=4.8)
    mail.click("/pricing")
    passes(mail, seconds=0.6)
    mail.click("/blog/a")
    mail.site.absorb_in_order(order)
    assert mail.verdicts() == [TOO_SOON, SEVERAL]
    assert mail.site.hits("ana@example.com") == {}


def test_what_a_browser_fetches_ahead_spoils_no_click(mail: Mail) -> None:
    """A reader clicks on one link while the browser fetches another ahead: the click is theirs."""
    passes(mail, hours=1)
    mail.click("/pricing", **{"Sec-Purpose": "prefetch;anonymous-client-ip"})
    mail.click("/blog/a")
    mail.site.absorb()
    assert sorted(mail.verdicts()) == [("human", ()), ("machine", ("prefetch",))]
    assert mail.site.hits("ana@example.com") == {"clicked": 1}


def test_a_click_that_follows_its_own_prefetch_counts(mail: Mail) -> None:
    """The browser asks for a link when the pointer is on it, and again, a moment later, when it is clicked."""
    passes(mail, hours=1)
    path = mail.asset()
    for headers in ({"Sec-Purpose": "prefetch"}, {}):
        mail.follow(f"{mail.site.web_url}{path}", **headers)
        assert mail.client.get(path, headers=headers).status_code == 200
    mail.site.absorb()
    assert sorted(mail.verdicts()) == [("human", ())] * 2 + [("machine", ("prefetch",))] * 2
    assert mail.site.hits("ana@example.com") == {"clicked": 1, "download": 1}
    assert mail.site.person("ana@example.com").stage == "lead"


def test_a_click_before_the_outcome_is_noted_is_too_soon(mail: Mail) -> None:
    """The gateway clicks while the mail server still holds our connection: the message is `sending`, and has no time yet."""
    store, at = mail.site.database.sending, mail.site.web.clock.now()
    mail.site.browser("bens-laptop").form("ben@example.com")
    mail.site.absorb()
    mail.site.advance()
    [waiting] = claim(mail.site.database, "worker", mail.site.web.clock.now(), 1)
    assert store.begin("worker", [waiting.letter.message], (), mail.site.web.clock.now())
    his = Mail(mail.site, mail.client, waiting.letter.message, waiting.letter.person)
    passes(mail, seconds=1)
    his.click("/pricing")
    mail.site.absorb()
    assert his.verdicts() == [TOO_SOON]
    assert at < mail.site.web.clock.now()


class TestDownloads:
    """The link to an asset in a mail: to follow it to its end promotes, and so it must be a human who does."""

    def test_a_gateway_that_follows_a_link_to_its_end_makes_nobody_a_lead(self, mail: Mail) -> None:
        passes(mail, seconds=2)
        path = mail.asset()
        mail.follow(f"{mail.site.web_url}{path}")
        assert mail.client.get(path).status_code == 200
        mail.site.absorb()
        assert mail.verdicts() == [TOO_SOON, TOO_SOON]
        assert mail.site.person("ana@example.com").stage == "audience"
        assert mail.site.hits("ana@example.com") == {}

    def test_a_reader_who_clicks_on_the_asset_is_no_burst(self, mail: Mail) -> None:
        passes(mail, minutes=5)
        path = mail.asset()
        mail.follow(f"{mail.site.web_url}{path}")
        assert mail.client.get(path).status_code == 200
        mail.site.absorb()
        assert mail.verdicts() == [("human", ())] * 2
        assert mail.site.person("ana@example.com").stage == "lead"
        assert mail.site.hits("ana@example.com") == {"clicked": 1, "download": 1}

    def test_a_gateway_that_opens_the_asset_among_other_links_is_one(self, mail: Mail) -> None:
        passes(mail, minutes=5)
        path = mail.asset()
        mail.follow(f"{mail.site.web_url}{path}")
        assert mail.client.get(path).status_code == 200
        mail.click("/pricing")
        mail.site.absorb()
        assert mail.verdicts() == [SEVERAL] * 3
        assert mail.site.person("ana@example.com").stage == "audience"
        assert mail.site.hits("ana@example.com") == {}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("agent", [BROWSER, CRAWLER])
def test_a_scanner_unsubscribes_nobody__mautic_14916(mail: Mail, method: str, agent: str) -> None:
    """Scanners that followed every link unsubscribed and confirmed people (also mautic#9400); here only a POST acts."""
    address = f"/u/{mail.site.web.tokens.unsubscribe(MailLink(mail.message, mail.person))}"
    before = mail.site.count(events)
    assert mail.client.request(method, address, headers={"User-Agent": agent}).status_code == 200
    mail.site.absorb()
    assert (mail.site.count(events), mail.site.rows(suppressions)) == (before, [])
    [run] = mail.site.rows(enrollments)
    assert run.status in ("active", "waiting")
    assert mail.client.post(address, content="List-Unsubscribe=One-Click", headers={"User-Agent": agent}).status_code == 200
    mail.site.absorb()
    [suppressed] = mail.site.rows(suppressions)
    [run] = mail.site.rows(enrollments)
    assert (suppressed.email, run.status, run.reason) == ("ana@example.com", "exited", "unsubscribed")


def test_a_scanner_by_head_leaves_a_trace_and_moves_nothing__mautic_14916(mail: Mail) -> None:
    """A HEAD request for a link is kept with its reason; for an asset it uses up no download."""
    passes(mail, hours=1)
    mail.click("/pricing", method="HEAD")
    assert mail.client.head(mail.asset()).status_code == 200
    mail.site.absorb()
    assert mail.verdicts() == [("machine", ("head_request",))]
    assert mail.site.hits("ana@example.com") == {}


def test_machines_never_score_promote_enroll_or_become_known(site: Site) -> None:
    """A crawler that runs scripts, sends forms and fetches assets is kept as what it is."""
    crawler = site.browser("crawlers-cookie", CRAWLER)
    crawler.page("/pricing")
    crawler.call("track", event="demo_requested")
    crawler.identify("somebody", email="robot@example.com")
    crawler.download("robot@example.com", job_title="Head of Robots")
    site.absorb()
    rows = site.rows(events)
    assert {row.name for row in rows} == {"page_viewed", "demo_requested", "identified", "form_submitted", "asset_downloaded"}
    assert {(row.verdict, tuple(row.verdict_reasons)) for row in rows} == {("machine", ("crawler_user_agent",))}
    assert {row.kind for row in site.rows(identifiers)} == {"anonymous_id", "submission"}
    assert [site.rows(table) for table in (score_cells, stage_changes, enrollments)] == [[], [], []]
    assert {row.stage for row in site.rows(people)} == {"audience"}


def test_a_bot_in_the_honeypot_leaves_nobody_behind__mautic_5671(site: Site) -> None:
    """A post that failed the captcha made a contact and a tracking row all the same; here it lies in quarantine, and the
    download that follows is answered and counts for nobody.
    """
    browser = site.browser("bots-browser")
    shown = str(site.web.clock.now().timestamp() + 59)
    browser.download("bot@example.com", _gotcha="x", _timestamp=shown)
    site.absorb()
    assert len(site.web.quarantined()) == 1
    assert [site.count(table) for table in (people, events, identifiers, score_cells, stage_changes)] == [0] * 5


def test_an_asset_cannot_be_guessed__mautic_5052(site: Site) -> None:
    """Whoever guessed the URL of an asset got it; here there is none but the signed one, and an old one is gone."""
    browser = site.browser("curious-one")
    grant = Download("guide", None, None, 0, site.web.clock.now() - timedelta(seconds=1))
    expired = f"/a/{site.web.tokens.download(grant)}"
    guesses = (
        "/a/guide",
        "/a/guide.pdf",
        "/a/1",
        "/assets/guide.pdf",
        "/config/assets/guide.pdf",
        "/a/../assets/guide.pdf",
        expired,
    )
    answers = [browser.client.get(guess).status_code for guess in guesses]
    assert answers == [404] * 6 + [410]
    site.absorb()
    assert site.count(events) == 0


class Meeting(StreamPartition):
    """A partition whose reader waits until everybody has read: two workers hold the same batch, for one lost its lease."""

    def __init__(self, site: Site, number: int, barrier: threading.Barrier) -> None:
        super().__init__(site.web.redis, number)
        self._barrier = barrier

    def read(self, limit: int) -> Sequence[Entry]:
        found = super().read(limit)
        self._barrier.wait(20)
        return found


def at_once(calls: Sequence[Any]) -> list[Any]:
    """Make all calls at the same time, each in its thread; their answers."""
    answers: list[Any] = [None] * len(calls)

    def make(number: int) -> None:
        answers[number] = calls[number]()

    threads = [threading.Thread(target=make, args=[number]) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert None not in answers
    return answers


def test_the_same_webhook_five_times_at_once_is_one__mautic_6532(site: Site) -> None:
    """A webhook that was delivered several times at once made several contacts; here five posts and two workers on the same
    batch make one person, one enrollment, one promotion and one score.
    """
    clients = [new_client(site.web.base) for _ in range(5)]
    site.clients += clients
    for client in clients:
        client.headers["user-agent"] = BROWSER
    lead = {"email": "ana@example.com", "first_name": "Ana"}
    call = {
        "writeKey": KEY,
        "userId": "ana",
        "anonymousId": "anas-laptop",
        "messageId": "m1",
        "context": {"page": {"path": "/pricing"}},
    }
    posted = at_once([lambda client=client: client.post("/f/guide", data=lead) for client in clients])
    [address] = {answer.headers["location"] for answer in posted}
    assert [answer.status_code for answer in at_once([lambda client=client: client.get(address) for client in clients])] == [
        200
    ] * 5
    assert [
        answer.status_code for answer in at_once([lambda client=client: client.post("/v1/page", json=call) for client in clients])
    ] == [200] * 5
    waiting = sum(site.web.redis.xlen(redis_keys.events(number)) for number in range(PARTITIONS))
    assert waiting > 10, "each of them was written: it is absorb that counts them once"
    for number in range(PARTITIONS):
        barrier = threading.Barrier(2)
        meetings = [Meeting(site, number, barrier) for _ in range(2)]
        databases = [Database(site.engine) for _ in meetings]
        at_once([
            lambda meeting=meeting, database=database: absorb(meeting, database, site.web.clock, kind_of_agent)
            for meeting, database in zip(meetings, databases, strict=True)
        ])  # fmt: skip
    site.absorb()
    assert site.count(events) == 3
    assert len(site.everybody()) == 2
    [run], [promotion] = site.rows(enrollments), site.rows(stage_changes)
    assert run.person_id == promotion.person_id == site.person("ana@example.com").id
    assert (site.hits("ana@example.com"), site.hits("ana")) == ({"download": 1}, {"pricing": 1})

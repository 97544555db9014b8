"""`nurture trace` tells the whole way of an event or a mail, and what it looked through where it finds nothing."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import select, update

from nurture.adapters.database.tables import messages
from nurture.adapters.journal import Journal
from nurture.adapters.redis_keys import AHEAD, DEAD, FIELD, GROUP, QUARANTINE, events
from nurture.adapters.segments import Kind, Record
from nurture.adapters.tokens import MailLink, Tokens
from nurture.domain.event import EVENT, Event
from tests.cli.conftest import Command
from tests.support.events import download, form, page
from tests.support.installation import CRAWLER, SECRET, Installation


@pytest.fixture
def traced(nurture: Command, environment: pytest.MonkeyPatch) -> Command:
    environment.setenv("NURTURE_SECRET_KEY", SECRET)
    return nurture


def told(traced: Command, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(traced("trace", *arguments, "--json").stdout)
    return found


def texts(found: dict[str, Any], what: str) -> list[str]:
    return [each["text"] for each in found["moments"] if each["what"] == what]


@pytest.fixture
def ana(installation: Installation) -> tuple[Event, Event]:
    """Ana asked for the guide and got her first mail: her post and her download."""
    post, fetched = form("ana@acme.test"), download("ana@acme.test", at=form("ana@acme.test").occurred_at + timedelta(minutes=1))
    installation.clock.move_to(fetched.occurred_at)
    installation.happen(page("/pricing", at=post.occurred_at - timedelta(minutes=1)), post, fetched)
    installation.work()
    return post, fetched


def mail(installation: Installation) -> Any:
    with installation.engine.connect() as connection:
        return connection.execute(select(messages)).one()


def test_an_event_is_told_from_the_stream_to_the_mail(
    traced: Command, installation: Installation, ana: tuple[Event, Event]
) -> None:
    _, fetched = ana
    for word in (str(fetched.key), fetched.key.hex, fetched.message_id):
        found = told(traced, word)
        assert found["kind"] == "event"
        assert texts(found, "occurred")[0].startswith("asset_downloaded")
        assert texts(found, "verdict") == ["human"]
        assert texts(found, "stage_change") == ["audience → lead, by gated-download (asset_downloaded)"]
        [entered] = texts(found, "entered")
        assert entered.startswith("entered guide-nurture (version ")
        row = mail(installation)
        assert texts(found, "mail") == [f"mail {row.id}, step thanks, guide-thanks: sent; `nurture trace {row.id}` tells more"]
        instants = [each["at"] for each in found["moments"] if each["at"]]
        assert instants == sorted(instants)
        assert found["searched"] == [], "what is stored is found by its key"


def test_points_are_told_as_they_counted(traced: Command, installation: Installation) -> None:
    views = [page("/pricing", at=installation.clock.now() + timedelta(minutes=number)) for number in range(4)]
    installation.happen(*views)
    scores = [texts(told(traced, str(each.key)), "score") for each in views]
    assert scores[0] == ["+10 by pricing"]
    assert scores[-1] == ["+0 by pricing, cut by a cap"]


def test_a_machine_earns_nothing_and_it_says_why(traced: Command, installation: Installation) -> None:
    crawled = page("/pricing", "crawler").model_copy(update={"context": {"page": {"path": "/pricing"}, "userAgent": CRAWLER}})
    installation.happen(crawled)
    [verdict] = texts(told(traced, str(crawled.key)), "verdict")
    assert verdict.startswith("machine (")
    assert "earns no points" in verdict


def test_addresses_are_hidden_unless_asked_for(traced: Command, ana: tuple[Event, Event]) -> None:
    key = str(ana[0].key)
    assert "ana@acme.test" not in traced("trace", key).stdout
    assert "[e-mail]" in traced("trace", key).stdout
    assert "(ana@acme.test)" in traced("trace", key, "--show-addresses").stdout


def test_a_submission_is_its_post_and_its_download(traced: Command, ana: tuple[Event, Event]) -> None:
    found = told(traced, str(ana[0].submission))
    assert [each.partition(" ")[0] for each in texts(found, "occurred")] == ["form_submitted", "asset_downloaded"]


def test_a_mail_is_told_backwards_and_on(traced: Command, installation: Installation, ana: tuple[Event, Event]) -> None:
    row = mail(installation)
    installation.later(hours=1)
    installation.happen(installation.click("ana@acme.test", "thanks"), installation.click("ana@acme.test", "thanks", CRAWLER))
    name = Tokens(SECRET).mail_name(MailLink(row.id, row.person_id))
    for word in (str(row.id), f"<{name}@example.com>", f"bounces+{name.upper()}@example.com"):
        found = told(traced, word)
        assert found["kind"] == "mail"
        assert texts(found, "cause") == [
            f"caused by asset_downloaded of engine, key {ana[1].key}; `nurture trace {ana[1].key}` tells its way"
        ]
        assert f"its name in server logs is {name}" in texts(found, "handed_over")[0]
        assert texts(found, "sent")[0].startswith("stands at sent")
        heard = texts(found, "heard")
        assert heard[0].startswith("email_clicked told by engine: /blog/x")
        assert any("[machine: " in each for each in heard)


def test_a_mail_that_waits_says_why_and_what_holds_it(
    traced: Command, installation: Installation, ana: tuple[Event, Event]
) -> None:
    row = mail(installation)
    later = installation.clock.now() + timedelta(days=2)
    change = update(messages).values(status="queued", sent_at=None, reason="capped", due_at=later, planned_at=later, lost_to=[17])
    with installation.engine.begin() as connection:
        connection.execute(change)
    traced("pause", "queue", "mail", "--reason", "an upgrade")
    traced("pause", "domain", "acme.test")
    traced("pause", "domain", "other.test")
    traced("drain", "guide-nurture", "--timeout", "0s")
    found = told(traced, str(row.id))
    assert texts(found, "decided")[0].startswith("capped: the person had enough mail")
    assert texts(found, "gave_way") == ["gave way to mail 17"]
    assert sorted(each.partition(" is ")[0] for each in texts(found, "held")) == ["mail to acme.test", "the queue mail"]
    assert texts(found, "queued") == ["stands at queued"]


def put(redis: Redis, stream: str, event: Event, **told: Any) -> str:
    fields: dict[Any, Any] = {FIELD: EVENT.dump_json(event), **told}
    id_: Any = redis.xadd(stream, fields)
    return str(id_.decode())


def test_an_event_that_waits_is_found_with_its_place(traced: Command, installation: Installation) -> None:
    waiting = page("/a", "ana")
    for number in range(3):
        put(installation.redis, events(2), page(f"/{number}", "bob"))
    id_ = put(installation.redis, events(2), waiting)
    for word in (str(waiting.key), waiting.message_id, id_):
        found = told(traced, word)
        assert texts(found, "accepted") == [f"page_viewed of {waiting.source} was accepted as entry {id_} of partition 2"]
        assert texts(found, "waiting") == ["still there, behind 3 others; not read by any worker yet"]
    installation.redis.xgroup_create(events(2), GROUP, id="0")
    installation.redis.xreadgroup(GROUP, "holder", {events(2): ">"})
    assert texts(told(traced, id_), "waiting") == ["still there, behind 3 others; in the hand of a worker"]


@pytest.mark.parametrize(
    ("stream", "what", "text"),
    [
        (DEAD, "dead", "page_viewed of website could not be absorbed: cannot be stored: refused [e-mail]"),
        (QUARANTINE, "quarantined", 'page_viewed of website looks like spam and waits for a human: ["honeypot"]'),
        (AHEAD, "waiting", "still there, behind 0 others"),
    ],
)
def test_what_was_set_aside_says_why(traced: Command, installation: Installation, stream: str, what: str, text: str) -> None:
    aside = page("/a", "ana", source="website")
    told_of = {"reason": "cannot be stored: refused ana@acme.test", "reasons": '["honeypot"]', "at": "2026-03-02T09:00:00+00:00"}
    put(installation.redis, stream, aside, **told_of, partition=0, entry="1772442000000-7")
    found = told(traced, str(aside.key))
    assert texts(found, what)[0].startswith(text)
    if stream == DEAD:
        assert told(traced, "1772442000000-7")["kind"] == "event", "by the entry that it was"


def test_a_search_has_a_bound_and_says_so(traced: Command, installation: Installation) -> None:
    pipeline = installation.redis.pipeline()
    for number in range(1_500):
        pipeline.xadd(events(1), {FIELD: EVENT.dump_json(page(f"/{number}", "bob"))})
    pipeline.execute()
    last = page("/last", "ana")
    put(installation.redis, events(1), last)
    cut = told(traced, str(last.key), "--scan", "600")
    assert cut["kind"] is None
    assert cut["notes"] == ["partition 1: only the oldest 600 of 1501 entries were looked at; --scan looks further"]
    assert told(traced, str(last.key))["kind"] == "event"


def test_nothing_is_known(traced: Command, installation: Installation) -> None:
    put(installation.redis, events(1), page("/a", "bob"))
    installation.redis.xadd(DEAD, {FIELD: b"{", "reason": "r", "at": "x", "partition": 0})
    for word in ("nobody", "12345", "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "9" * 40, "1795938449159-0", "<\x1b[2J@b.test>"):
        found = traced("trace", word)
        assert found.exit_code == 1, found.output
        assert "nothing is known of" in found.stdout
        assert "looked through 1 of 1 entries of partition 1" in found.stdout
        assert "\x1b" not in found.stdout


def test_what_nobody_consented_to_was_counted_and_no_more(traced: Command, installation: Installation) -> None:
    event = page("/a", "ana").model_copy(update={"consented": False})
    installation.happen(event)
    assert texts(told(traced, str(event.key)), "counted")[0].startswith("counted for the day of 2026-")


def test_without_redis_the_tables_still_tell(traced: Command, environment: pytest.MonkeyPatch, ana: tuple[Event, Event]) -> None:
    environment.setenv("NURTURE_REDIS_URL", "redis://127.0.0.1:1/0")
    assert told(traced, str(ana[0].key))["kind"] == "event"
    assert "Redis does not answer" in told(traced, "nobody")["notes"][0]


def test_what_this_machine_keeps_while_redis_is_away_is_told(traced: Command, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "data" / "journal", 1 << 24, lambda: datetime(2026, 3, 2, 9, tzinfo=UTC))
    journal.append([Record(Kind.EVENT, 0, b"{}")])
    assert told(traced, "nobody")["notes"] == ["1 event in the journal of this machine, until Redis takes it: not looked through"]
    journal.close()

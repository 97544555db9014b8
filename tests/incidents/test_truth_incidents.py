"""What an event says and when, and what may be kept of it: end to end."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nurture.adapters import redis_keys
from nurture.adapters.database.tables import (
    counted_events,
    daily_counts,
    event_conflicts,
    events,
    identifiers,
    identity_journal,
    people,
    score_cells,
)  # fmt: skip
from nurture.domain.channel_table import DIRECT
from nurture.domain.event import day_number
from nurture.domain.privacy import ConsentMode, Privacy
from tests.incidents.conftest import Browser, Site, site_definitions
from tests.web.conftest import PARTITIONS

in_order = pytest.mark.parametrize("arrival", ["in_order"], indirect=True)


@pytest.fixture
def laptop(site: Site) -> Browser:
    return site.browser("anas-laptop")


def bodies(site: Site) -> list[bytes]:
    """What waits in Redis, as it lies there."""
    return [body for number in range(PARTITIONS) for body in entries(site, number)]


def entries(site: Site, number: int) -> list[bytes]:
    found: Any = site.web.redis.xrange(redis_keys.events(number))
    return [fields[redis_keys.FIELD] for _, fields in found]


class TestConflicts:
    """Snowplow calls it a synthetic copy (snowplow#24): the same id, and something else to say."""

    @in_order
    @pytest.mark.parametrize("batches", ["one batch", "several batches"])
    def test_what_comes_under_the_id_of_another_is_seen_and_counts_once(self, site: Site, laptop: Browser, batches: str) -> None:
        for path in ("/pricing", "/careers", "/pricing", "/careers", "/blog/a"):
            laptop.call("page", messageId="m1", context={"page": {"path": path}})
            if batches == "several batches":
                site.absorb()
        site.absorb()
        assert site.did("anas-laptop") == ["/pricing"]
        assert site.hits("anas-laptop") == {"pricing": 1}
        conflicts = site.rows(event_conflicts)
        assert {row.body["context"]["page"]["path"] for row in conflicts} == {"/careers", "/blog/a"}
        assert {row.event_id for row in conflicts} == {site.rows(events)[0].id}

    def test_an_event_that_is_sent_again_later_is_no_conflict(self, site: Site, laptop: Browser) -> None:
        """Only the times of travel differ: a queue on a phone sends what it has kept."""
        at = site.web.clock.now().isoformat()
        for hours in (0, 5, 29):
            site.web.clock.advance(timedelta(hours=hours))
            laptop.call("track", messageId="m1", event="plan_chosen", timestamp=at, sentAt=site.web.clock.now().isoformat())
        site.absorb()
        assert (site.count(events), site.rows(event_conflicts)) == (1, [])

    @in_order
    def test_of_what_nobody_consented_to_no_copy_is_kept(self, site: Site, laptop: Browser) -> None:
        for path in ("/pricing", "/careers"):
            laptop.call("page", messageId="m1", context={"page": {"path": path}, "consent": False})
        site.absorb()
        assert [row.events for row in site.rows(daily_counts)] == [1]
        assert site.rows(event_conflicts) == []


class TestLateness:
    """An event belongs to the moment at which somebody acted, whenever we hear of it."""

    def test_a_late_event_lands_on_its_own_day(self, site: Site, laptop: Browser) -> None:
        now = site.web.clock.now()
        days = [now - timedelta(days=ago, hours=1) for ago in (0, 3, 29)]
        for day in days:
            laptop.call("page", timestamp=day.isoformat(), context={"page": {"path": "/pricing"}})
        site.absorb()
        cells = {row.day: row.hits for row in site.rows(score_cells)}
        assert cells == {day_number(day): 1 for day in days}
        assert site.person("anas-laptop").first_seen_at == days[-1]

    def test_what_somebody_did_late_counts_for_whom_they_were_then(self, site: Site, laptop: Browser) -> None:
        """A page that was viewed before another logged in is the first one's, though it is heard of last."""
        laptop.identify("ana")
        then = site.web.clock.now() + timedelta(seconds=20)
        laptop.identify("ben")
        laptop.page("/careers")
        site.absorb()
        laptop.call("page", timestamp=then.isoformat(), context={"page": {"path": "/pricing"}})
        site.absorb()
        assert (site.hits("ana"), site.hits("ben")) == ({"pricing": 1}, {"careers": 1})

    def test_clocks_that_are_wrong_are_put_right_and_their_stamps_kept(self, site: Site, laptop: Browser) -> None:
        """A clock two hours ahead is corrected, ten seconds of travel are not (posthog#98250), and 1999 is too far."""
        site.minute_passes()
        now = site.web.clock.now() + timedelta(minutes=1)
        ahead = now + timedelta(hours=2)
        laptop.call("track", event="ahead", timestamp=ahead.isoformat(), sentAt=ahead.isoformat())
        laptop.call(
            "track",
            event="travelled",
            timestamp=now.isoformat(),
            sentAt=(site.web.clock.now() + timedelta(seconds=50)).isoformat(),
        )
        told = laptop.call("track", event="old", timestamp="1999-12-31T23:59:59Z").json()["warnings"]
        site.absorb()
        kept = {row.name: (row.occurred_at, row.body["context"]["clock"].get("note")) for row in site.rows(events)}
        oldest = site.web.clock.now() - timedelta(days=30)
        assert kept == {"ahead": (now, "skew_corrected"), "travelled": (now, None), "old": (oldest, "clamped")}
        [clock] = [row.body["context"]["clock"] for row in site.rows(events) if row.name == "old"]
        assert datetime.fromisoformat(clock["said"]) == datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC)
        assert "moved to" in told[0]


#: Nothing of this may be found anywhere after an event without consent.
TELLING = ("telling", "203.0.113.7", "Mozilla")


class TestConsent:
    """Without consent an event is a number."""

    def follow(self, site: Site, mode: ConsentMode) -> None:
        site.release(site_definitions().model_copy(update={"privacy": Privacy(consent=mode)}))

    def visit(self, browser: Browser, **call: Any) -> None:
        page = {
            "path": "/pricing", "url": "https://www.example.com/pricing?email=telling@example.com&utm_source=news&utm_medium=email",
            "referrer": "https://mail.example/telling", "title": "telling", "search": "?q=telling",
        }  # fmt: skip
        call = {
            "messageId": "m-telling", "userId": "telling", "traits": {"email": "telling@example.com"},
            "properties": {"note": "telling"}, "context": {"page": page, "ip": "203.0.113.7", **call.pop("context", {})}, **call,
        }  # fmt: skip
        browser.call("page", **call)

    @in_order
    @pytest.mark.parametrize(
        ("mode", "headers"), [("opt_in", {}), ("gpc_optout", {"Sec-GPC": "1"}), ("gpc_optout", {"DNT": "1"})]
    )
    def test_an_event_without_consent_is_counted_once_and_tells_nobodys_name(
        self, site: Site, mode: ConsentMode, headers: dict[str, str]
    ) -> None:
        self.follow(site, mode)
        browser = site.browser("telling-cookie")
        browser.headers.update(headers)
        self.visit(browser)
        [body] = bodies(site)
        assert not [word for word in TELLING if word in body.decode()]
        kept = json.loads(body)
        assert {"anonymous_id", "user_id", "email", "previous_id", "submission", "properties", "traits"} & kept.keys() == set()
        assert kept["context"]["page"]["url"] == "https://www.example.com/pricing"
        day = day_number(site.web.clock.now())
        for _ in range(2):
            site.absorb()
            assert [tuple(row) for row in site.rows(daily_counts)] == [(day, "page_viewed", "email", 1)]
            site.web.redis.xadd(redis_keys.events(0), {redis_keys.FIELD: body})
            site.web.redis.xadd(redis_keys.events(0), {redis_keys.FIELD: body})
        site.absorb()
        self.visit(browser)
        site.absorb()
        assert [tuple(row) for row in site.rows(daily_counts)] == [(day, "page_viewed", "email", 1)]
        assert site.count(counted_events) == 1
        nobody = (people, events, identifiers, score_cells, identity_journal, event_conflicts)
        assert [site.count(table) for table in nobody] == [0] * len(nobody)

    def test_counts_are_kept_by_day_name_and_channel(self, site: Site) -> None:
        self.follow(site, "opt_in")
        browser = site.browser("telling-cookie")
        yesterday = (site.web.clock.now() - timedelta(days=1)).isoformat()
        for number, at in enumerate([None, None, yesterday]):
            self.visit(browser, messageId=f"m{number}", timestamp=at)
        browser.page("/blog/a")
        browser.page("/blog/b", referrer="https://www.example.com/blog/a")
        browser.call("track", event="plan_chosen")
        site.absorb()
        day = day_number(site.web.clock.now())
        assert {tuple(row) for row in site.rows(daily_counts)} == {
            (day, "page_viewed", "email", 2), (day - 1, "page_viewed", "email", 1), (day, "page_viewed", DIRECT, 1),
            (day, "page_viewed", "", 1), (day, "plan_chosen", "", 1),
        }  # fmt: skip
        assert site.count(people) == 0

    @pytest.mark.parametrize("mode", ["opt_in", "gpc_optout", "open"])
    def test_who_agrees_is_followed_from_then_on(self, site: Site, laptop: Browser, mode: ConsentMode) -> None:
        """What was counted before stays a number: nobody can say any more whose it was."""
        self.follow(site, mode)
        laptop.call("page", context={"page": {"path": "/pricing"}, "consent": False})
        laptop.call("page", context={"page": {"path": "/blog/a"}, "consent": True})
        laptop.call("identify", userId="ana", context={"consent": {"categoryPreferences": {"analytics": True}}})
        site.absorb()
        assert site.did("ana") == ["/blog/a", "identified"]
        assert site.hits("ana") == {"article": 1}
        assert [(row.name, row.events) for row in site.rows(daily_counts)] == [("page_viewed", 1)]

"""From a call to an event: pure, without HTTP."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.event import EVENT, RESERVED_NAMES, TOLD_BY_SALES
from nurture.web.keys import Sender
from nurture.web.refusals import Refusal
from nurture.web.wire import Arrival, Normalised, normalise

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
ARRIVAL = Arrival(Sender("website"), AT, "Mozilla/5.0 X")


def call(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": "x", "anonymousId": "visitor-1", **fields}


def taken(**fields: Any) -> Normalised:
    return normalise(call(**fields), None, ARRIVAL)


def refusal(**fields: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        normalise(call(**fields), None, ARRIVAL)
    return caught.value


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"event": None}, "event", "required"),
        ({"event": "  "}, "event", "required"),
        ({"event": "x" * 129}, "event", "too_long"),
        ({"event": ["x"]}, "event", "type"),
        ({"type": "dance"}, "type", "unknown_type"),
        ({"type": None}, "type", "unknown_type"),
        ({"anonymousId": None}, "anonymousId", "no_identity"),
        ({"anonymousId": "null"}, "anonymousId", "no_identity"),
        ({"anonymousId": {"a": 1}}, "anonymousId", "type"),
        ({"anonymousId": True}, "anonymousId", "type"),
        ({"userId": "x" * 257}, "userId", "too_long"),
        ({"messageId": "x" * 257}, "messageId", "too_long"),
        ({"properties": "x"}, "properties", "type"),
        ({"properties": []}, "properties", "type"),
        ({"traits": 1}, "traits", "type"),
        ({"context": "x"}, "context", "type"),
        ({"context": {"page": "x"}}, "context.page", "type"),
        ({"context": {"locale": 1}}, "context.locale", "type"),
        ({"context": {"userAgent": {}}}, "context.userAgent", "type"),
        ({"timestamp": "yesterday"}, "timestamp", "type"),
        ({"timestamp": "9999-12-31T23:59:59Z"}, "timestamp", "impossible_date"),
        ({"timestamp": "9999-12-31T23:59:59-23:00"}, "timestamp", "impossible_date"),
        ({"timestamp": "0001-01-01T00:00:00+14:00"}, "timestamp", "impossible_date"),
        ({"originalTimestamp": "1066-10-14T09:00:00Z"}, "originalTimestamp", "impossible_date"),
        ({"sentAt": "3000-01-01"}, "sentAt", "impossible_date"),
        ({"timestamp": 1e300}, "timestamp", "type"),
        ({"type": "identify", "traits": {"email": "nobody"}}, "traits.email", "invalid_email"),
        ({"type": "identify", "traits": {"email": 5}}, "traits.email", "invalid_email"),
        ({"type": "identify", "traits": {"email": "a@b.example\r\nBcc: c@d.example"}}, "traits.email", "invalid_email"),
        ({"type": "group"}, "groupId", "required"),
        ({"type": "alias", "userId": "null", "previousId": "undefined", "anonymousId": ""}, "anonymousId", "no_identity"),
        ({"type": "alias", "anonymousId": None}, "anonymousId", "no_identity"),
        ({"properties": {"a": [{"b": "\0"}]}}, "properties.a.0.b", "nul_character"),
        ({"properties": {"a\0": 1}}, "properties.a\ufffd", "nul_character"),
        ({"event": "\0"}, "event", "nul_character"),
        ({"properties": {"a": 2**63}}, "properties.a", "number_out_of_range"),
        ({"properties": {"a": float("inf")}}, "properties.a", "number_out_of_range"),
        ({"properties": {str(n): n for n in range(1_000)}}, None, "too_many_values"),
    ],
)
def test_what_cannot_be_is_refused_by_field(fields: dict[str, Any], field: str | None, code: str) -> None:
    refused = refusal(**fields)
    assert (refused.status, refused.field, refused.code) == (422, field, code)


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_names_that_the_engine_acts_on_cannot_be_given(name: str) -> None:
    assert refusal(event=name).code == "reserved_name"
    assert refusal(event=f" {name} ").code == "reserved_name"


@pytest.mark.parametrize("name", sorted(TOLD_BY_SALES))
def test_only_a_secret_key_speaks_for_sales(name: str) -> None:
    assert refusal(event=name).code == "secret_key_required"


def test_depth_is_bounded() -> None:
    deep: Any = 1
    for _ in range(31):
        deep = [deep]
    assert refusal(properties={"a": deep}).code == "too_deep"
    assert taken(properties={"a": deep[0][0]}).event.properties == {"a": deep[0][0]}


@pytest.mark.parametrize("nothing", [42, "x", None, [], [1]])
def test_only_an_object_is_an_event(nothing: Any) -> None:
    with pytest.raises(Refusal, match="JSON object"):
        normalise(nothing, "track", ARRIVAL)


def test_null_means_that_nothing_was_said() -> None:
    """SDKs send null for what they do not know."""
    fields = ("messageId", "userId", "timestamp", "sentAt", "properties", "traits", "context", "groupId", "name")
    assert taken(**dict.fromkeys(fields)).event.properties == {}


class TestIds:
    """Who it is about."""

    @pytest.mark.parametrize(
        "junk", ["null", "undefined", "None", "NaN", "[object Object]", "00000000-0000-0000-0000-000000000000", "", " ", "0",
                 "'null'", '"undefined"', "TRUE", "anonymous", "guest"],
    )  # fmt: skip
    def test_that_name_nobody_are_left_out_with_a_warning(self, junk: str) -> None:
        normalised = taken(userId=junk)
        assert (normalised.event.user_id, normalised.event.anonymous_id) == (None, "visitor-1")
        assert "names nobody" in normalised.warnings[0]

    def test_may_be_numbers(self) -> None:
        assert taken(userId=42).event.user_id == "42"

    def test_keep_their_case(self) -> None:
        assert taken(userId="U-1a").event.user_id == "U-1a"

    def test_of_an_identify_may_be_an_address_alone(self) -> None:
        event = taken(type="identify", anonymousId=None, traits={"email": " Ada@EXAMPLE.com ", "name": "Ada"}).event
        assert (event.email, event.traits) == ("ada@example.com", {"name": "Ada"})

    def test_an_empty_address_is_none(self) -> None:
        assert taken(type="identify", traits={"email": ""}).event.email is None

    def test_an_address_is_believed_only_where_somebody_is_identified(self) -> None:
        assert taken(traits={"email": "ada@example.com"}).event.email is None

    @pytest.mark.parametrize("kind", ["track", "identify", "page", "screen", "alias"])
    def test_of_whoever_came_stand_in_where_a_call_names_nobody(self, kind: str) -> None:
        normalised = normalise(call(type=kind, anonymousId="null"), None, ARRIVAL._replace(visitor="cookie-1"))
        assert normalised.event.anonymous_id == "cookie-1"
        assert normalised.warnings[0] == "anonymousId: 'null' names nobody and was left out"
        assert normalise(call(type=kind), None, ARRIVAL._replace(visitor="cookie-1")).event.anonymous_id == "visitor-1"

    def test_that_were_left_out_are_kept_as_a_warning(self) -> None:
        normalised = taken(userId="undefined", timestamp="2020-01-01T00:00:00Z")
        assert normalised.event.warnings == normalised.warnings
        assert len(normalised.event.warnings) == 2


NOBODY = "'null' names nobody and was left out"


class TestAlias:
    """An alias that cannot link is kept as an event of whoever it still names, and says why."""

    @pytest.mark.parametrize(
        ("fields", "anonymous_id", "user_id", "previous_id", "warnings"),
        [
            ({"userId": "u1"}, "visitor-1", "u1", "visitor-1", []),
            ({"userId": "u1", "previousId": "old"}, "visitor-1", "u1", "old", []),
            ({"userId": "u1", "previousId": "old", "anonymousId": None}, None, "u1", "old", []),
            ({"userId": "u1", "previousId": "null"}, "visitor-1", "u1", "visitor-1", [f"previousId: {NOBODY}"]),
            (
                {"userId": "u1", "previousId": "null", "anonymousId": None}, None, "u1", None,
                [f"previousId: {NOBODY}", "alias: no previousId names somebody, so nothing was linked"],
            ),
            ({"userId": "u1", "anonymousId": None}, None, "u1", None, ["alias: no previousId names somebody, so nothing was linked"]),
            ({"previousId": "old"}, "visitor-1", None, None, ["alias: no userId names somebody, so nothing was linked"]),
            (
                {"previousId": "old", "anonymousId": None}, "old", None, None,
                ["alias: no userId names somebody, so nothing was linked"],
            ),
            (
                {"userId": "null", "previousId": "old"}, "visitor-1", None, None,
                [f"userId: {NOBODY}", "alias: no userId names somebody, so nothing was linked"],
            ),
            (
                {"userId": "u1", "previousId": "u1"}, "visitor-1", "u1", None,
                ["alias: previousId and userId are the same and were not linked"],
            ),
            (
                {"userId": "u1", "previousId": " u1 ", "anonymousId": None}, None, "u1", None,
                ["alias: previousId and userId are the same and were not linked"],
            ),
            (
                {"userId": "visitor-1"}, "visitor-1", "visitor-1", None,
                ["alias: anonymousId and userId are the same and were not linked"],
            ),
        ],
    )  # fmt: skip
    def test_is_never_lost(
        self, fields: dict[str, Any], anonymous_id: str | None, user_id: str | None, previous_id: str | None, warnings: list[str]
    ) -> None:
        event = taken(type="alias", **fields).event
        assert (event.anonymous_id, event.user_id, event.previous_id) == (anonymous_id, user_id, previous_id)
        assert list(event.warnings) == warnings
        assert event.name == "aliased"


def test_a_groups_traits_are_not_the_persons() -> None:
    event = taken(type="group", groupId="acme", traits={"name": "Acme"}).event
    assert (event.traits, event.properties) == ({}, {"group_id": "acme", "traits": {"name": "Acme"}})


class TestPage:
    """What is known of the page."""

    def test_a_views_properties_tell_of_the_page(self) -> None:
        url = "https://www.example.com/a/b?utm_source=s&utm_campaign=c&utm_term=t"
        event = taken(type="page", name="Pricing", category="Docs", properties={"url": url, "title": "T"}).event
        assert event.context["page"] == {"url": url, "path": "/a/b", "title": "T"}
        assert event.context["campaign"] == {"source": "s", "name": "c", "term": "t"}
        assert event.properties == {"name": "Pricing", "category": "Docs", "url": url, "title": "T"}
        assert event.facts["path"] == "/a/b"

    def test_the_context_wins_over_properties(self) -> None:
        event = taken(type="page", properties={"path": "/b"}, context={"page": {"path": "/a"}}).event
        assert event.context["page"] == {"path": "/a"}

    def test_a_named_campaign_wins_over_the_address(self) -> None:
        context = {"campaign": {"name": "spring"}, "page": {"url": "https://a.example/?utm_campaign=x"}}
        assert taken(context=context).event.context["campaign"] == {"name": "spring"}

    @pytest.mark.parametrize("url", ["http://[", "", "\ud7ff", "?", "x" * 5_000, "http://a.example:99999/"])
    def test_no_address_is_too_strange(self, url: str) -> None:
        assert len(taken(context={"page": {"url": url}}).event.context.get("page", {}).get("url", "")) <= 2_000


#: From 1970 to 2100.
seconds = st.integers(0, 4_102_444_800)


class TestWhen:
    """Segment's rule with a dead band of 30 seconds, held between 30 days ago and 5 seconds ahead; every stamp is kept."""

    @pytest.mark.parametrize(
        ("said", "sent", "at", "clock"),
        [
            # Nothing was said, or only what is believed as it is.
            (None, None, AT, None),
            (None, "2026-03-02T09:00:00Z", AT, {"sent": "2026-03-02T09:00:00+00:00"}),
            (None, "2026-03-02T01:00:00Z", AT, {"sent": "2026-03-02T01:00:00+00:00"}),
            ("2026-03-02T08:59:00Z", None, AT - timedelta(minutes=1), None),
            ("2026-03-02T10:59:00+02:00", None, AT - timedelta(minutes=1), None),
            ("2026-03-02T08:59:00", None, AT - timedelta(minutes=1), None),
            (1772442000, None, AT, None),
            # Late: kept offline for a week, by a clock that is right.
            ("2026-02-23T09:00:00Z", "2026-03-02T09:00:00Z", AT - timedelta(days=7), {"sent": "2026-03-02T09:00:00+00:00"}),
            # The dead band: up to 30 seconds are travel, either way.
            ("2026-03-02T08:59:00Z", "2026-03-02T08:59:40Z", AT - timedelta(minutes=1), {"sent": "2026-03-02T08:59:40+00:00"}),
            ("2026-03-02T08:59:00Z", "2026-03-02T08:59:30.001Z", AT - timedelta(minutes=1), {"sent": "2026-03-02T08:59:30.001000+00:00"}),
            ("2026-03-02T08:59:00Z", "2026-03-02T09:00:29.999Z", AT - timedelta(minutes=1), {"sent": "2026-03-02T09:00:29.999000+00:00"}),
            (
                "2026-03-02T08:59:00Z", "2026-03-02T08:59:30Z", AT - timedelta(seconds=30),
                {"said": "2026-03-02T08:59:00+00:00", "sent": "2026-03-02T08:59:30+00:00", "note": "skew_corrected"},
            ),
            # Skewed: the clock is slow, fast, or stands at its beginning.
            (
                "2026-03-02T07:59:00Z", "2026-03-02T08:00:00Z", AT - timedelta(minutes=1),
                {"said": "2026-03-02T07:59:00+00:00", "sent": "2026-03-02T08:00:00+00:00", "note": "skew_corrected"},
            ),
            (
                "2026-03-02T09:59:00Z", "2026-03-02T10:00:00Z", AT - timedelta(minutes=1),
                {"said": "2026-03-02T09:59:00+00:00", "sent": "2026-03-02T10:00:00+00:00", "note": "skew_corrected"},
            ),
            (
                "1970-01-01T00:00:00Z", "1970-01-01T00:01:00Z", AT - timedelta(minutes=1),
                {"said": "1970-01-01T00:00:00+00:00", "sent": "1970-01-01T00:01:00+00:00", "note": "skew_corrected"},
            ),
            # Early: a little ahead is a clock's, more cannot be.
            ("2026-03-02T09:00:05Z", None, AT + timedelta(seconds=5), None),
            (
                "2026-03-02T09:00:05.001Z", None, AT + timedelta(seconds=5),
                {"said": "2026-03-02T09:00:05.001000+00:00", "note": "clamped"},
            ),
            ("2026-03-02T12:00:00Z", None, AT + timedelta(seconds=5), {"said": "2026-03-02T12:00:00+00:00", "note": "clamped"}),
            (
                "2026-03-02T13:00:00Z", "2026-03-02T10:00:00Z", AT + timedelta(seconds=5),
                {"said": "2026-03-02T13:00:00+00:00", "sent": "2026-03-02T10:00:00+00:00", "note": "clamped"},
            ),
            # Too old to be true.
            ("2026-01-31T09:00:00Z", None, AT - timedelta(days=30), None),
            (
                "2026-01-31T08:59:59Z", None, AT - timedelta(days=30),
                {"said": "2026-01-31T08:59:59+00:00", "note": "clamped"},
            ),
            ("2020-01-01T00:00:00Z", None, AT - timedelta(days=30), {"said": "2020-01-01T00:00:00+00:00", "note": "clamped"}),
        ],
    )  # fmt: skip
    def test_it_happened(self, said: Any, sent: str | None, at: datetime, clock: dict[str, str] | None) -> None:
        event = taken(timestamp=said, sentAt=sent).event
        assert event.occurred_at == at
        assert event.context.get("clock") == clock

    def test_two_events_of_a_slow_clock_keep_their_distance(self) -> None:
        first, second = (
            taken(timestamp=f"2026-03-02T03:00:0{second}Z", sentAt="2026-03-02T03:00:09Z").event for second in (1, 4)
        )
        assert second.occurred_at - first.occurred_at == timedelta(seconds=3)

    def test_travel_does_not_shuffle_the_events_of_a_device__posthog_98250(self) -> None:
        """The first of two travels for 29 seconds, the second for none; inside the dead band their order stays."""
        slow = normalise(call(timestamp="2026-03-02T08:59:31Z", sentAt="2026-03-02T08:59:31Z"), None, ARRIVAL).event
        quick = normalise(call(timestamp="2026-03-02T08:59:32Z", sentAt="2026-03-02T08:59:59Z"), None, ARRIVAL).event
        assert slow.occurred_at < quick.occurred_at

    def test_the_same_event_sent_again_later_says_the_same(self) -> None:
        """A date that cannot be is moved to where it can be by the day of arrival; that makes no other event of it."""
        body = call(messageId="m1", timestamp="2020-01-01T00:00:00Z")
        first, again = (
            normalise({**body, "sentAt": sent_at.isoformat()}, None, ARRIVAL._replace(at=sent_at)).event
            for sent_at in (AT, AT + timedelta(hours=3))
        )
        assert first.warnings != again.warnings
        assert (first.key, first.fingerprint) == (again.key, again.fingerprint)

    def test_a_date_that_was_moved_is_warned_of_and_kept(self) -> None:
        normalised = taken(timestamp="2020-01-01T00:00:00Z")
        assert "timestamp: lies too far from now" in normalised.warnings[0]
        assert normalised.event.context["clock"]["said"] == "2020-01-01T00:00:00+00:00"

    def test_an_sdks_original_is_taken_where_there_is_no_other(self) -> None:
        assert taken(originalTimestamp="2026-03-02T08:00:00Z").event.occurred_at == AT - timedelta(hours=1)

    @given(seconds, st.none() | seconds)
    def test_it_always_lies_within_bounds(self, said: int, sent: int | None) -> None:
        event = taken(timestamp=said, sentAt=sent).event
        assert AT - timedelta(days=30) <= event.occurred_at <= AT + timedelta(seconds=5)


class TestDerivedId:
    """For calls without a messageId."""

    def test_is_equal_for_equal_calls_and_no_others(self) -> None:
        first = taken(timestamp="2026-03-02T08:00:00Z", properties={"a": 1, "b": 2}).event
        again = taken(timestamp="2026-03-02T08:00:00Z", properties={"b": 2, "a": 1}, sentAt="2026-03-02T09:00:00Z").event
        other = taken(timestamp="2026-03-02T08:00:00Z", properties={"a": 1, "b": 3}).event
        assert first.key == again.key != other.key

    def test_says_nothing_of_the_key(self) -> None:
        assert taken(writeKey="a").event.key == taken(writeKey="b").event.key

    def test_differs_by_when_it_was_sent_or_came(self) -> None:
        sent = {taken(sentAt=f"2026-03-02T09:00:0{second}Z").event.key for second in range(3)}
        came = {normalise(call(), None, ARRIVAL._replace(at=AT + timedelta(minutes=minutes))).event.key for minutes in range(3)}
        assert (len(sent), len(came)) == (3, 3)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)  # fmt: skip
names = st.sampled_from([
    "type", "event", "messageId", "anonymousId", "userId", "previousId", "groupId", "name", "category", "timestamp", "sentAt",
    "originalTimestamp", "properties", "traits", "context", "writeKey",
])  # fmt: skip
likely = st.sampled_from(
    ["track", "identify", "page", "alias", "group", "u1", "2026-03-02T09:00:00Z", {"page": {"url": "http://["}}]
)


@given(st.dictionaries(names, anything | likely))
def test_any_call_becomes_an_event_or_is_refused(raw: dict[str, Any]) -> None:
    """Whatever comes: a Refusal, or an event that survives the way through the stream."""
    try:
        event = normalise(raw, None, ARRIVAL).event
    except Refusal as refused:
        event, told = None, refused.told()
    if event is None:
        assert told["code"]
        assert told["message"]
        return
    body = EVENT.dump_json(event, exclude_defaults=True)
    assert EVENT.validate_json(body) == event
    assert "\\u0000" not in json.dumps(json.loads(body))


@pytest.mark.parametrize("assurance", ["verified", "observed"])
def test_whether_somebody_may_be_put_on_a_sequence_rests_on_the_key_of_the_sender(assurance: Any) -> None:
    arrival = Arrival(Sender("shop", assurance), AT, "analytics-python/2.3.2")
    asked = normalise(call(event="enroll_requested", userId="u-1", properties={"sequence": "by-hand"}), None, arrival)
    assert (asked.event.name, asked.event.assurance, asked.event.properties) == (
        "enroll_requested", assurance, {"sequence": "by-hand"},
    )  # fmt: skip

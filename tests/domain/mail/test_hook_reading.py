"""From somebody's JSON to what was heard, by a table."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.mail.faults import Fault
from nurture.domain.mail.hook_reading import Heard, PassedOver, UnreadableItem, instant_of, items_of, read_item
from nurture.domain.mail.hooks import Reading

SAID: dict[str, Any] = {
    "kind": ("event/severity/reason", "alert"),
    "words": {"Failed": "bounced", "failed/temporary": "deferred", "failed/permanent/left": "unsubscribed", "open": "nothing", "in": "delivered"},
    "id": ("id",), "at": ("at", "when"), "recipient": ("to.0", "rcpt"), "mail": ("tags.*.value", "meta", "header:x-mail"),
    "code": ("status", "reply"), "detail": ("reply",), "fault": ("why",), "faults": {"full": "mailbox", "gone": "address"},
}  # fmt: skip
READING = Reading.model_validate(SAID)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*"abc", "event", "to", "id", "at", "tags", "status"]), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


def heard(**item: Any) -> Heard:
    found = read_item({"event": "failed", **item}, READING, {})
    assert isinstance(found, Heard)
    return found


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ({"event": "failed"}, "bounced"),
        ({"event": "FAILED", "severity": "Temporary"}, "deferred"),
        ({"event": "failed", "severity": "permanent"}, "bounced"),
        ({"event": "failed", "severity": "permanent", "reason": "left"}, "unsubscribed"),
        ({"event": "failed", "reason": "left"}, "bounced"),
        ({"alert": "in"}, "delivered"),
        ({"event": "new", "alert": "in"}, "delivered"),
    ],
)
def test_the_word_that_says_most_counts(item: dict[str, Any], kind: str) -> None:
    found = read_item(item, READING, {})
    assert isinstance(found, Heard)
    assert found.kind == kind


@pytest.mark.parametrize(
    ("item", "word", "known"),
    [({"event": "open"}, "open", True), ({"event": "new"}, "new", False), ({}, "", False), ({"event": ["failed"]}, "", False)],
)
def test_what_says_nothing_that_is_kept_is_passed_over(item: dict[str, Any], word: str, known: bool) -> None:
    assert read_item(item, READING, {}) == PassedOver(word, known=known)


@pytest.mark.parametrize(
    ("item", "fault", "code"),
    [
        ({"status": "5.1.1", "why": "full"}, Fault.ADDRESS, "5.1.1"),
        ({"reply": "552 5.2.2 full", "why": "gone"}, Fault.MAILBOX, "5.2.2"),
        ({"status": "5.0.0", "why": "gone"}, Fault.ADDRESS, "5.0.0"),
        ({"status": "2.0.0", "reply": "550 5.7.1 no"}, Fault.POLICY, "5.7.1"),
        ({"reply": "550 no", "why": "gone"}, Fault.ADDRESS, None),
        ({"reply": "host 10.5.1.1 said: 550 no"}, Fault.UNKNOWN, None),
        ({"reply": "host 5.1.1.10 said: 451 4.2.2 later"}, Fault.MAILBOX, "4.2.2"),
        ({"why": "otherwise"}, Fault.UNKNOWN, None),
        ({}, Fault.UNKNOWN, None),
    ],
)
def test_a_servers_code_says_more_than_a_providers_word(item: dict[str, Any], fault: Fault, code: str | None) -> None:
    found = heard(**item)
    assert (found.fault, found.code) == (fault, code)


def test_what_was_taken_is_nobodys_fault() -> None:
    found = read_item({"alert": "in", "status": "5.1.1", "why": "gone"}, READING, {})
    assert isinstance(found, Heard)
    assert (found.fault, found.code) == (None, None)


def test_all_text_that_may_name_the_mail_is_gathered() -> None:
    item = {"event": "failed", "tags": [{"value": "a"}, {"value": ["b", {"x": "c"}]}, 5], "meta": {"k": "d", "n": 7}}
    found = read_item(item, READING, {"x-mail": "e"})
    assert isinstance(found, Heard)
    assert found.mail.split() == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("item", "recipient"),
    [({"to": ["a@x"]}, "a@x"), ({"rcpt": "b@x"}, "b@x"), ({"to": [], "rcpt": "b@x"}, "b@x"), ({"to": "c@x"}, None), ({}, None)],
)
def test_the_first_place_that_holds_something_counts(item: dict[str, Any], recipient: str | None) -> None:
    assert heard(**item).recipient == recipient


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-03-02T09:00:00Z", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-02T10:00:00.1234567+01:00", datetime(2026, 3, 2, 9, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-03-02 09:00:00", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("1772442000", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("1772442000.5", datetime(2026, 3, 2, 9, 0, 0, 500_000, tzinfo=UTC)),
        ("1772442000000", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        *[(text, None) for text in ("", "soon", "0", "-5", "nan", "inf", "1e400", "9" * 30, "0001-01-01", "9999-12-31T23:59:59-12:00")],
    ],
)  # fmt: skip
def test_instants_as_providers_write_them(text: str, at: datetime | None) -> None:
    assert instant_of(text) == at


def test_an_instant_that_cannot_be_read_costs_no_bounce() -> None:
    assert heard(at="soon").at is None
    assert heard(at="soon", when=1_772_442_000).at == datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_without_an_id_the_content_is_one() -> None:
    assert heard(id="a-1").id == "a-1"
    assert heard(rcpt="a@x").id == heard(rcpt="a@x").id != heard(rcpt="b@x").id
    assert "@" not in heard(id="a@x").id
    assert len(heard(id="x" * 5_000).id) < 200


def test_what_cannot_be_stored_is_left_out() -> None:
    found = heard(reply="550\x00 5.1.1\r\n\x1b[2Jno")
    assert found.detail == "550  5.1.1   [2Jno"


@pytest.mark.parametrize("document", [{}, {"x": {}}, {"x": None}, [], 5, {"x": {"y": {}}}])
def test_a_list_must_be_where_it_should_be(document: Any) -> None:
    with pytest.raises(UnreadableItem):
        items_of(document, READING.model_copy(update={"items": "x.y"}))
    assert items_of({"x": {"y": [1]}}, READING.model_copy(update={"items": "x.y"})) == [1]


@given(JSON)
def test_no_json_breaks_the_reading(item: Any) -> None:
    try:
        found = read_item(item, READING, {})
    except UnreadableItem:
        assert not isinstance(item, dict)
    else:
        assert isinstance(found, Heard | PassedOver)
        assert read_item(item, READING, {}) == found
    assert isinstance(items_of(item, READING), list)

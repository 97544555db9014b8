"""The linter as a whole: it never raises, is quick, and says what docs/mail-checklist.md says."""

import os
from pathlib import Path
from time import process_time
from timeit import repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.adapters.mail.linting.linter import all_rules, lint, lint_at_once
from tests.adapters.mail.linting import test_body, test_headers
from tests.adapters.mail.linting.drafts import good

#: What broken mails are made of.
PIECES = [
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"--=_mark", b"--", b"From: ", b"To: a@b, ", b"Subject: =?utf-8?q?=ZZ?=", b"=?x?b?!!?=",
    b"Date: 99 Foo 10000 99:99", b"Message-ID: <", b"List-Unsubscribe: <https://[::1", b"Content-Type: multipart/mixed; boundary=a",
    b'Content-Type: multipart/alternative; boundary="a"', b"--a\r\n", b"--a--", b"Content-Transfer-Encoding: base64", b"====",
    b"Content-Type: text/html; charset=no-such", b"<a href='", b"<![if x]>", b"<!doctype", b"<img src=x width=9e999", b"style='font:",
    b"color:#zz", b"&#xD800;", b"\xff\xfe", b"\x00", b"{{", b"DKIM-Signature: a=b; d=; h=from", b"https://[", b"nurture.example.com/c/",
]  # fmt: skip


@given(st.one_of(st.binary(max_size=400), st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join)))
@settings(max_examples=400, deadline=None)
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    start = good()
    found = lint(raw, start.envelope, start.context)
    assert found, "nothing of this is a mail"
    assert all("; " in finding.text for finding in found)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_good_mail_with_a_hole_in_it_does_not_make_it_raise(data: st.DataObject) -> None:
    start = good()
    raw = start.raw
    at = data.draw(st.integers(0, len(raw)))
    piece = data.draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)))
    lint(raw[:at] + piece + raw[at + data.draw(st.integers(0, 200)) :], start.envelope, start.context)


def test_the_look_before_each_send_takes_a_fraction_of_the_whole_one() -> None:
    """About a tenth: what parses the page or asks the library for what it knows is left to `nurture lint`."""
    start = good()
    looks = (
        lambda: lint_at_once(start.raw, start.envelope, start.context),
        lambda: lint(start.raw, start.envelope, start.context),
    )
    at_once, whole = (min(repeat(look, number=20, repeat=9, timer=process_time)) for look in looks)
    assert at_once * 4 < whole


def test_each_rule_has_a_failing_example() -> None:
    shown = {(id_, level) for id_, level, _ in (*test_headers.FAULTS, *test_body.FAULTS)} | {("H8", "E"), ("H8", "W")}
    assert shown == {(rule.id, rule.level) for rule in all_rules()}


def test_the_ids_are_those_of_the_checklist() -> None:
    wanted = [f"V{n}" for n in range(1, 6)] + [f"H{n}" for n in range(1, 16)] + [f"B{n}" for n in range(1, 15)]
    assert list(dict.fromkeys(rule.id for rule in all_rules())) == wanted


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: f"{rule.id}{rule.level}")
def test_what_a_rule_asks_is_one_short_phrase(rule: object) -> None:
    asks = str(getattr(rule, "asks", ""))
    assert 10 < len(asks) <= 160
    assert not asks.endswith(".")


def test_the_documentation_lists_the_rules() -> None:
    """With WRITE_DOCS=1 its rows are written anew."""
    page = Path(__file__).parents[4] / "docs" / "mail-checklist.md"
    text = page.read_text(encoding="utf-8")
    before, head, rest = text.partition("|---|---|---|---|\n")
    rows, end, after = rest.partition("\n\n")
    wanted = "\n".join(row(rule.id, rule.level, rule.asks, rule.at_once) for rule in all_rules())
    if os.environ.get("WRITE_DOCS"):
        page.write_text(before + head + wanted + end + after, encoding="utf-8")
        rows = wanted
    assert rows == wanted


def row(id_: str, level: str, asks: str, at_once: bool) -> str:
    """The row of a rule in docs/mail-checklist.md."""
    where = "tests, `nurture check`" + (", before each send" if at_once and level == "E" else "")
    return f"| {id_} | {level} | {asks} | {where} |"

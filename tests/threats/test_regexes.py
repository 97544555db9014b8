"""No text from outside takes more than its length says: neither for the patterns of definitions nor for our own (ReDoS).

Each function is given hostile texts of two sizes. Four times the text may take a little more than four times as long, never the
sixteen times of a search that begins anew at every letter. CPU time is compared, for the machine may be busy.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

import pytest

from nurture.adapters.addresses import parse_address
from nurture.adapters.agents import kind_of_agent
from nurture.adapters.mail import plain
from nurture.adapters.mail.incoming.reader import MailReader
from nurture.adapters.mail.person import PersonFacts, full_name
from nurture.adapters.mail.replies import words
from nurture.adapters.tokens import MailLink, Tokens
from nurture.domain.conditions import Condition
from nurture.domain.imports.spreadsheet import unguarded
from nurture.domain.imports.values import number_of
from nurture.domain.mail.answers import is_reply
from nurture.domain.mail.bounces import told_in_words
from nurture.domain.mail.faults import read_refusal
from nurture.domain.mail.incoming import without_addresses
from nurture.domain.patterns import searcher
from nurture.domain.urls import host_of, parameters, path_of
from nurture.observability import Mask
from nurture.web.redirects import allowed_redirect, origin_of
from nurture.web.words import first_language, preferred_language

ROOT = Path(__file__).parents[2]
SIZES = [(500, 2_000), (4_000, 16_000)]

#: What is faster than this is fast enough, and too fast to be measured. Seconds.
QUICK = 0.02

#: Between linear (4) and quadratic (16).
MOST = 9.0

#: What is repeated, and what ends it so that nothing fits in the end.
REPEATED = [
    "a", "A1", "a.", "a-", ".", "-", "@", "a@", "a@a.", ":", "/", "://", "://:", "//a:", "%40", "a%40a.", '"', '\\"', '"a\\', "<", "<a", ">", "> ",
    " ", "\n", "\n ", "\t", "\r\n", ">\n", "=", "&a=", "?", "#", "0", "-0", "1.", "4.1.1 ", "550 ", "550-", "5.1.1 ", "'", "[", "]", "[a", "(", "{{", "{%",
    "\x00", "é", "\u202e", "re:", "subject:", "--", "-- copy", "message ", "spam ", "x@x.x ", "a, ", "en;q=0.1,", "None", " ,", "<br ", "</p", "&lt;",
]  # fmt: skip
ENDS = ["", "!", "@"]

_TOKENS = Tokens("x")
_NAME = _TOKENS.mail_name(MailLink(1, 2))
_READER = MailReader(_TOKENS)
_MASK = Mask(["a secret"])


def _read_mail(text: str) -> object:
    raw = f"From: mailer-daemon@x.example\r\nTo: b-{_NAME}@y.example\r\nSubject: failure {text[:900]}\r\n\r\n{text}".encode()
    return _READER.read(raw, datetime(2026, 3, 2, tzinfo=UTC))


def _or_error(function: Callable[[str], object]) -> Callable[[str], object]:
    def called(text: str) -> object:
        try:
            return function(text)
        except ValueError:
            return None

    return called


_CONDITIONS: list[Callable[[object], bool]] = [
    searcher(each)
    for each in (
        r"(a+)+$",
        r"(a|aa)+$",
        r"(.*)*b",
        r"(x+x+)+y",
        r"(?i)(head|chief|vp)+ of (\w+\s?)+$",
        r"^(\w+\.)+\w+@$",
        r"(.*a){12}z",
    )
]

FUNCTIONS: dict[str, Callable[[str], object]] = {
    "the mask of logs": _MASK.text,
    "the host of an address": host_of,
    "the path of an address": path_of,
    "parameters of an address": lambda text: parameters(f"https://x.example/?{text}", {"utm_source"}),
    "the origin of an address": origin_of,
    "a redirect": lambda text: allowed_redirect(text, {"https://x.example"}, text),
    "an e-mail address": _or_error(parse_address),
    "an e-mail address with a host": _or_error(lambda text: parse_address(f"a@{text}")),
    "a user agent": lambda text: kind_of_agent(text[:512]),
    "names of mails": lambda text: list(Tokens("x").mails_named(text)),
    "a person's facts": lambda text: PersonFacts({"a": text}).get("a"),
    "a person's name": lambda text: full_name({"first_name": text}),
    "plain text": plain.wrap,
    "a server's reply": lambda text: words(text.encode()),
    "a server's words": lambda text: without_addresses(text, ["ana@acme.test"]),
    "a refusal": lambda text: read_refusal(550, text),
    "a bounce in words": lambda text: told_in_words(text[:2_000], text),
    "a mail that came back": _read_mail,
    "a subject": is_reply,
    "a language": first_language,
    "languages": preferred_language,
    "a cell": unguarded,
    "a number": _or_error(number_of),
    "a condition": lambda text: [test(text) for test in _CONDITIONS],
}


def seconds(function: Callable[[str], object], text: str) -> float:
    """The least of three runs."""
    taken = []
    for _ in range(3):
        began = process_time()
        function(text)
        taken.append(process_time() - began)
        if taken[-1] < QUICK:
            break
    return min(taken)


def ratio_for(function: Callable[[str], object], part: str, end: str) -> tuple[float, str]:
    """How many times longer the larger of two texts takes: the smallest two of which that can be told."""
    for small, large in SIZES:
        longer = seconds(function, part * (large // len(part)) + end)
        if longer >= QUICK:
            shorter = seconds(function, part * (small // len(part)) + end)
            return longer / max(shorter, 1e-9), f"{part!r} … {end!r}: {longer:.3f} s for {large:,} letters"
    return 1.0, ""


def worst(function: Callable[[str], object]) -> tuple[float, str]:
    """The largest ratio over all hostile texts, and which it is."""
    found = (1.0, "")
    for part in REPEATED:
        for end in ENDS:
            found = max(found, ratio_for(function, part, end))
            if found[0] > MOST:
                return found
    return found


@pytest.mark.parametrize("what", FUNCTIONS)
def test_four_times_the_text_takes_about_four_times_as_long(what: str) -> None:
    ratio, text = worst(FUNCTIONS[what])
    assert ratio <= MOST, f"{what}: {ratio:.1f} times as long for {text}"


@pytest.mark.parametrize(
    "pattern", [r"(a+)+$", r"(a|aa)+$", r"(a|a?)+$", r"(.*a){20}$", r"([a-zA-Z]+)*$", r"^(([a-z])+.)+[A-Z]([a-z])+$"]
)
def test_the_evil_patterns_of_owasp_search_100_kilobytes_in_a_moment(pattern: str) -> None:
    """For Python's own engine the first of them takes longer than the universe is old."""
    holds = Condition({"text": {"matches": pattern}})
    text = "a" * 100_000 + "!"
    began = process_time()
    holds.holds({"text": text})
    assert process_time() - began < 2


def test_python_itself_would_go_astray() -> None:
    """What is measured here can be measured: the same pattern in `re` grows without bound."""
    evil = re.compile(r"(a+)+$").search
    began = process_time()
    evil("a" * 18 + "!")
    first = process_time() - began
    began = process_time()
    evil("a" * 22 + "!")
    assert process_time() - began > 4 * first


def test_a_line_of_a_log_is_taken_apart_in_time() -> None:
    """A visitor decides what a line says: its path, its referrer, its user agent."""
    line = re.search(r"^line: '(.*)'$", (ROOT / "config/imports/access-log.yaml").read_text(), re.MULTILINE)
    assert line is not None
    match = re.compile(line[1]).match
    for part in (" [", ' "', '\\"', "a", " ", "] ", '"" ', "- "):
        ratio, text = ratio_for(lambda text: match(f"1.2.3.4 - {text}"), part, "")
        assert ratio <= MOST, text

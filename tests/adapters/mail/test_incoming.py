"""The corpus: mails as servers, providers, responders and readers send them back, and what each tells.

`corpus/expected.csv` says for each mail what it is, whose fault, by which code, and whether it names the mail of ours that it
speaks of. In the mails `{NAME}` stands for the name of that mail, `{OTHER}` for that of another one, and `{FORGED}` for a name that
was not made here.
"""

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.adapters.mail.incoming.parts import LARGEST, take_apart
from nurture.adapters.mail.incoming.reader import MailReader
from nurture.adapters.tokens import MailLink, Tokens
from nurture.domain.mail.feedback import Feedback, as_event
from nurture.domain.mail.incoming import Unread

FOLDER: Final = Path(__file__).parent / "corpus"
TOKENS: Final = Tokens("a secret of the corpus")
READER: Final = MailReader(TOKENS)
OURS: Final = MailLink(5, 7)
AT: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)

NAMES: Final = {
    b"{NAME}": TOKENS.mail_name(OURS).encode(),
    b"{OTHER}": TOKENS.mail_name(MailLink(6, 7)).encode(),
    b"{FORGED}": Tokens("another secret").mail_name(OURS).encode(),
}


class Expected(NamedTuple):
    """A line of the table."""

    mail: str
    kind: str
    fault: str
    code: str
    ours: str


def expected() -> list[Expected]:
    with (FOLDER / "expected.csv").open(newline="", encoding="utf-8") as file:
        return [Expected(*row) for row in csv.reader(file)][1:]


def load(mail: str) -> bytes:
    raw = (FOLDER / f"{mail}.eml").read_bytes().replace(b"\n", b"\r\n")
    for placeholder, name in NAMES.items():
        raw = raw.replace(placeholder, name)
    return raw


CORPUS: Final = {each.mail: load(each.mail) for each in expected()}


def read(raw: bytes) -> Feedback | Unread:
    found = READER.read(raw, AT)
    if isinstance(found, Unread):
        return found
    [feedback] = found
    return feedback


def test_the_table_names_every_mail_of_the_corpus() -> None:
    assert sorted(CORPUS) == sorted(path.stem for path in FOLDER.glob("*.eml"))
    assert len(CORPUS) >= 40


@pytest.mark.parametrize("wanted", expected(), ids=lambda wanted: wanted.mail)
def test_each_mail_of_the_corpus_tells_what_it_is(wanted: Expected) -> None:
    found = read(CORPUS[wanted.mail])
    if isinstance(found, Unread):
        assert (wanted.kind, wanted.ours) == ("unread", ""), found.reason
        return
    assert (found.kind, found.fault or "", found.code or "") == (wanted.kind, wanted.fault, wanted.code), found.detail
    assert (found.message, found.person, found.recipient) == (*OURS, None)
    assert wanted.ours == "yes"


@pytest.mark.parametrize("mail", sorted(CORPUS))
def test_what_is_kept_of_a_mail_names_nobody(mail: str) -> None:
    found = read(CORPUS[mail])
    detail = found.reason if isinstance(found, Unread) else found.detail or ""
    assert "@" not in detail
    assert "ana" not in detail.lower().split()
    assert "acme.test" not in detail or "…" not in detail.split("acme.test")[0][-2:]


@pytest.mark.parametrize("mail", sorted(CORPUS))
def test_a_copy_tells_the_same_under_the_same_id(mail: str) -> None:
    """However it came to us: servers add lines at the top, and another kind of line end."""
    first = read(CORPUS[mail])
    again = read(b"Received: by another.example.com; Mon, 2 Mar 2026 09:00:00 +0000\r\n" + CORPUS[mail])
    assert first == again == read(CORPUS[mail].replace(b"\r\n", b"\n"))


def test_the_corpus_tells_everything_under_another_id() -> None:
    ids = [found.id for raw in CORPUS.values() if isinstance(found := read(raw), Feedback)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("mail", sorted(CORPUS))
def test_without_its_names_no_mail_tells_anything(mail: str) -> None:
    raw = CORPUS[mail]
    for name in NAMES.values():
        raw = raw.replace(name, NAMES[b"{FORGED}"])
    assert isinstance(read(raw), Unread)


def test_dates_of_strangers_are_believed_within_reason() -> None:
    raw = CORPUS["away-gmail"]
    for date, at in (
        (b"Mon, 02 Mar 2026 08:13:00 +0100", datetime(2026, 3, 2, 7, 13, tzinfo=UTC)),
        (b"Mon, 02 Mar 2026 08:13:00 -0000", datetime(2026, 3, 2, 8, 13, tzinfo=UTC)),
        (b"Mon, 02 Mar 2036 08:13:00 +0100", AT),
        (b"Thu, 01 Jan 1970 00:00:00 +0000", AT),
        (b"yesterday", AT),
        (b"Mon, 02 Mar 2026 08:13:00 +9999", AT),
        (b"Mon, 99 Mar 99999999999 08:13:00", AT),
    ):
        found = read(raw.replace(b"Mon, 02 Mar 2026 08:13:00 +0100", date))
        assert isinstance(found, Feedback)
        assert found.at == at, date


def whole(found: list[Feedback] | Unread) -> bool:
    """Whether what was told can be kept: as an event in JSON, as text in a database."""
    texts = [found.reason] if isinstance(found, Unread) else [as_event(each, AT).model_dump_json() for each in found]
    return all("\\u0000" not in text and text.encode() for text in texts)


@settings(max_examples=400)
@given(raw=st.binary(max_size=2_000))
def test_no_bytes_make_the_reader_raise(raw: bytes) -> None:
    assert whole(READER.read(raw, AT))


@pytest.mark.parametrize("at", [len(b"=?u"), len(b"=?utf-8")])
def test_a_charset_that_no_header_may_name_costs_only_the_words_in_it(at: int) -> None:
    raw, word = CORPUS["away-outlook-fr"], b"=?utf-8?q?"
    place = raw.index(word) + at
    assert READER.read(raw[:place] + b"\x80" + raw[place:], AT) == READER.read(raw.replace(b"Subject: ", b"Subject: x"), AT)


@settings(max_examples=400)
@given(data=st.data(), mail=st.sampled_from(sorted(CORPUS)))
def test_no_mutation_of_a_mail_makes_the_reader_raise_or_blames_anybody_else(data: st.DataObject, mail: str) -> None:
    raw = bytearray(CORPUS[mail])
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(raw)))
        length = data.draw(st.integers(0, 40))
        new = data.draw(st.one_of(
            st.binary(max_size=12), st.sampled_from([bytes(raw[:place][-300:]), b"\r\n\r\n", b"=?x?q?=ff?=", b"\x00", b"; charset=\xff", b"--"]),
        ))  # fmt: skip
        raw[place : place + length] = new
    found = READER.read(bytes(raw), AT)
    assert whole(found)
    if not isinstance(found, Unread):
        assert {(each.message, each.person) for each in found} <= {(5, 7), (6, 7)}
    else:
        assert "cannot be taken apart" not in found.reason, "the parser's own safety net is for what nobody has thought of"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00" * 1_000,
        b"Content-Type: multipart/report; boundary=\r\n\r\n--\r\n" * 30,
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (depth, depth) for depth in range(400)),
        b"Content-Type: message/rfc822\r\n\r\n" * 3_000,
        b"Subject: " + b"=?utf-8?q?" * 20_000,
        b"Subject: " + b"=?x?b?" * 1_000 + b"?=",
        b"Content-Type: text/html\r\nFrom: postmaster@x\r\n\r\n" + b"<" * 200_000,
        b"From: mailer-daemon@x\r\n\r\n" + b"a@" * 100_000,
        b"From: mailer-daemon@x\r\n\r\n" + b"mailbox " * 30_000,
        b"From: mailer-daemon@x\r\n\r\n" + b"recipient account address quota " * 8_000,
        b"To: " + b"a@b.test, " * 20_000 + b"\r\n\r\n",
        b"X: y\r\n" * 40_000,
        b"a" * (3 * LARGEST),
        b"Content-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\nFrom: postmaster@x\r\n\r\n" + b"/v8A" * 5_000,
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n\r\n" * 30_000,
    ],
    ids=[
        "empty", "zeros", "no boundary", "parts in parts", "mails in mails", "words begun", "words", "brackets", "addresses",
        "a word of a table", "words of the table", "recipients", "fields", "one line", "no text", "many parts",
    ],
)  # fmt: skip
@pytest.mark.timeout(20)
def test_hostile_mails_are_read_soon(raw: bytes) -> None:
    assert isinstance(READER.read(raw, AT), Unread)


def test_only_so_much_of_a_mail_is_looked_at() -> None:
    parts = take_apart(b"From: a@b.test\r\n\r\n" + b"words " * 1_000_000)
    assert len(parts.text) <= 33 * 1024

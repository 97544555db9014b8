"""Each moment at which a mail can go wrong on its way to the server, against real sockets, with pipelining and without."""

from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters.mail.connection import stuffed
from nurture.adapters.mail.mailbox import start_mailbox
from nurture.adapters.mail.replies import words
from nurture.domain.mail.delivery import Accepted, Answer, Lost, Unreached
from nurture.domain.mail.faults import Refusal
from tests.adapters.mail.one_connection import RAW, connection, mail, why
from tests.adapters.mail.scripted import Conversation, Script, ScriptedServer
from tests.support.smtp import SmtpSink
from tests.support.waiting import free_port

VERBS: Final = ("MAIL", "RCPT", "DATA")

#: What a server offers: nothing, or to take the whole envelope at once.
OFFERS: Final = [pytest.param((), id="one by one"), pytest.param(("PIPELINING",), id="pipelined")]


def send(server: ScriptedServer, **timeouts: float) -> Answer:
    with connection(server.url, **timeouts) as opened:
        return opened.carry(mail())


def answer(talk: Conversation, offers: tuple[str, ...], verb: str, reply: str) -> None:
    """Greet, and take the envelope up to `verb`, which is answered with `reply`; what is pipelined after it is out of place."""
    talk.greet(*offers)
    if offers:
        for each in VERBS:
            talk.hear(each)
    place = VERBS.index(verb)
    for index, each in enumerate(VERBS if offers else VERBS[: place + 1]):
        if not offers:
            talk.hear(each)
        talk.say("250 ok" if index < place else reply if index == place else "503 5.5.1 out of place")


def refusing(verb: str, reply: str, offers: tuple[str, ...] = ()) -> Script:
    """A server that answers `reply` to the command `verb`, then takes RSET and QUIT."""

    def script(talk: Conversation) -> None:
        answer(talk, offers, verb, reply)
        talk.hear("RSET")
        talk.say("250 ok")
        talk.part()

    return script


def accepting(talk: Conversation) -> None:
    talk.greet()
    talk.take_envelope()
    talk.take_body()
    talk.say("250 2.0.0 queued as 4711")
    talk.part()


def test_the_reply_to_an_accepted_mail_is_returned() -> None:
    with ScriptedServer(accepting) as server:
        assert send(server) == Accepted("250 2.0.0 queued as 4711")


def test_where_it_is_offered_the_whole_envelope_goes_at_once() -> None:
    """The server says nothing before it has heard all three commands; whoever waits for a reply between them waits in vain."""

    def script(talk: Conversation) -> None:
        talk.greet("PIPELINING")
        for verb in VERBS:
            talk.hear(verb)
        for reply in ("250 2.1.0 ok", "250 2.1.5 ok", "354 go on"):
            talk.say(reply)
        assert talk.take_body() == stuffed(RAW)
        talk.say("250 2.0.0 taken")
        talk.part()

    with ScriptedServer(script) as server:
        assert send(server) == Accepted("250 2.0.0 taken")


@pytest.mark.parametrize("offers", OFFERS)
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(("reply", "permanent"), [("550 5.1.1 no such user", True), ("451 4.7.1 later", False)])
def test_a_refusal_before_the_body_leaves_the_connection_usable(
    verb: str, reply: str, permanent: bool, offers: tuple[str, ...]
) -> None:
    with ScriptedServer(refusing(verb, reply, offers)) as server:
        refusal = send(server)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.enhanced, refusal.text) == (int(reply[:3]), reply[4:9], reply[4:])
    assert refusal.permanent is permanent


def test_a_server_that_waits_for_a_mail_without_a_recipient_is_hung_up_on() -> None:
    """RFC 2920 §3.1: after a refused recipient DATA may be accepted all the same. Nothing may follow that could be taken for a mail."""

    def script(talk: Conversation) -> None:
        talk.greet("PIPELINING")
        for verb in VERBS:
            talk.hear(verb)
        for reply in ("250 ok", "550 5.1.1 unknown", "354 go on"):
            talk.say(reply)
        assert talk.read_bytes(1) == b""

    with ScriptedServer(script, accepting) as server, connection(server.url) as opened:
        assert opened.carry(mail()) == Refusal(550, "5.1.1", "5.1.1 unknown")
        assert isinstance(opened.carry(mail()), Accepted)


@pytest.mark.parametrize(
    ("reply", "permanent"), [("554 5.7.1 spam", True), ("452 4.3.1 no room", False), ("421 4.3.2 closing", False)]
)
def test_a_refusal_of_the_whole_mail(reply: str, permanent: bool) -> None:
    def script(talk: Conversation) -> None:
        talk.greet()
        talk.take_envelope()
        talk.take_body()
        talk.say(reply)
        talk.wait_for_hang_up()

    with ScriptedServer(script) as server:
        refusal = send(server, timeout=1.0)
    assert isinstance(refusal, Refusal)
    assert (refusal.permanent, refusal.code) == (permanent, int(reply[:3]))


@pytest.mark.parametrize("offers", OFFERS)
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("ending", ["421 4.3.2 too many mails on this connection", None, "reset", "silence"])
def test_a_connection_that_ends_before_the_body_hands_nothing_over_and_the_next_mail_opens_another(
    verb: str, ending: str | None, offers: tuple[str, ...]
) -> None:
    def script(talk: Conversation) -> None:
        if ending and ending[0] == "4":
            answer(talk, offers, verb, ending)
            return
        talk.greet(*offers)
        if offers:
            for each in VERBS:
                talk.hear(each)
        for each in VERBS[: VERBS.index(verb)]:
            if not offers:
                talk.hear(each)
            talk.say("250 ok")
        if not offers:
            talk.hear(verb)
        if ending == "reset":
            talk.reset()
        elif ending == "silence":
            talk.wait_for_hang_up()

    with ScriptedServer(script, accepting) as server, connection(server.url, timeout=0.5) as opened:
        assert isinstance(opened.carry(mail()), Unreached)
        assert isinstance(opened.carry(mail()), Accepted)


@pytest.mark.parametrize("farewell", [None, "421 4.7.0 you were silent for too long"])
def test_a_mail_over_a_connection_that_died_while_idle_goes_over_a_fresh_one_at_once(farewell: str | None) -> None:
    def script(talk: Conversation) -> None:
        talk.greet()
        talk.take_envelope()
        talk.take_body()
        talk.say("250 ok")
        if farewell:
            talk.say(farewell)

    with ScriptedServer(script, accepting) as server, connection(server.url) as opened:
        assert isinstance(opened.carry(mail()), Accepted)
        assert isinstance(opened.carry(mail()), Accepted)


def test_a_connection_that_breaks_inside_the_body_hands_nothing_over() -> None:
    """The body is larger than what the sockets hold, so the client is still writing when the server cuts the connection."""

    def script(talk: Conversation) -> None:
        talk.greet()
        talk.take_envelope()
        talk.read_bytes(1000)
        talk.reset()

    body = b"x" * 70 + b"\r\n"
    with ScriptedServer(script) as server, connection(server.url) as opened:
        assert isinstance(opened.carry(mail(raw=body * 500_000)), Unreached)


@pytest.mark.parametrize("ending", ["close", "reset", "silence", "354 what?", "no number"])
def test_a_whole_mail_without_a_clear_answer_is_lost_and_never_sent_again(ending: str) -> None:
    def script(talk: Conversation) -> None:
        talk.greet()
        talk.take_envelope()
        talk.take_body()
        if ending == "reset":
            talk.reset()
        elif ending == "silence":
            talk.wait_for_hang_up()
        elif ending != "close":
            talk.say(ending)
            talk.wait_for_hang_up()

    with ScriptedServer(script) as server:
        assert isinstance(send(server, reply_timeout=0.3), Lost)


def test_many_mails_share_a_connection_and_a_refusal_between_them_does_not_end_it(smtp_sink: SmtpSink) -> None:
    smtp_sink.refuse("nobody@", "550 5.1.1 <nobody@example.org>: unknown")
    with connection(smtp_sink.url) as opened:
        for index in range(20):
            assert isinstance(opened.carry(mail(f"person{index}@example.org")), Accepted)
            assert isinstance(opened.carry(mail("nobody@example.org")), Refusal)
    assert smtp_sink.sessions == 1
    assert [mail.to[0] for mail in smtp_sink.mails] == [f"person{index}@example.org" for index in range(20)]


def test_a_connection_carries_no_more_mails_than_it_may(smtp_sink: SmtpSink) -> None:
    with connection(f"{smtp_sink.url}?mails_per_connection=3") as opened:
        for _ in range(7):
            assert isinstance(opened.carry(mail()), Accepted)
    assert (len(smtp_sink.mails), smtp_sink.sessions) == (7, 3)


def test_dots_are_doubled_once_on_the_wire_and_arrive_single(smtp_sink: SmtpSink) -> None:
    with connection(smtp_sink.url) as opened:
        opened.carry(mail())
    assert smtp_sink.mails[0].raw == RAW


@given(st.lists(st.sampled_from([b".", b"\r\n", b"a", b"=2E", b".\r\n"])).map(b"".join))
def test_a_stuffed_mail_never_ends_early_and_comes_back_as_it_was(raw: bytes) -> None:
    wire = stuffed(raw)
    assert wire.endswith(b"\r\n")
    assert b"\r\n.\r\n" not in b"\r\n" + wire
    unstuffed = (b"\r\n" + wire).replace(b"\r\n.", b"\r\n")[2:]
    assert unstuffed in (raw, raw + b"\r\n")


def test_replies_are_kept_without_addresses() -> None:
    script = refusing("RCPT", "550 5.1.1 <ada@example.org>: user ada@example.org unknown")
    with ScriptedServer(script) as server:
        assert send(server) == Refusal(550, "5.1.1", "5.1.1 (address): user (address) unknown")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("to=<ana@x.example>,relay=mx", "to=(address),relay=mx"),
        ("x<ana@x.example>y", "x(address)y"),
        ("ana@x.example,ben@y.example: no such users", "(address): no such users"),
        ("RCPT TO:<ana@[192.0.2.1]> rejected", "RCPT TO:(address) rejected"),
        ("ask @ example, or ana@", "ask @ example, or ana@"),
    ],
)
def test_of_addresses_in_a_reply_nothing_is_left(said: str, kept: str) -> None:
    assert words(said.encode()) == kept


@pytest.mark.parametrize("to", ["ada", "ada@example.org\r\nRCPT TO:<eve@example.org>", "", "a b@example.org", "é a@example.org"])
def test_an_address_that_is_none_is_refused_for_good_before_anything_is_said(smtp_sink: SmtpSink, to: str) -> None:
    with connection(smtp_sink.url) as opened:
        refusal = opened.carry(mail(to))
    assert isinstance(refusal, Refusal)
    assert (refusal.permanent, refusal.fault) == (True, "address")
    assert smtp_sink.sessions == 0


def test_an_address_in_other_letters_needs_a_server_that_takes_them(smtp_sink: SmtpSink) -> None:
    with connection(smtp_sink.url) as opened:
        refusal = opened.carry(mail("zoé@example.org"))
    assert isinstance(refusal, Refusal)
    assert (refusal.permanent, refusal.fault) == (True, "message")
    assert not smtp_sink.mails


def offered(*extensions: str, to: str = "ada@example.org") -> list[str]:
    """What is said in the envelope to a server that offers something, and refuses the mail then."""
    heard = []

    def script(talk: Conversation) -> None:
        talk.greet(*extensions)
        heard.append(talk.hear("MAIL"))
        talk.say("250 ok")
        heard.append(talk.hear("RCPT"))
        talk.say("552 5.3.4 too big")
        talk.wait_for_hang_up()

    with ScriptedServer(script) as server, connection(server.url, timeout=0.3) as opened:
        assert isinstance(opened.carry(mail(to)), Refusal)
    return heard


def test_nothing_is_asked_for_that_is_not_offered() -> None:
    assert offered() == ["MAIL FROM:<us@example.com>", "RCPT TO:<ada@example.org>"]


def test_the_size_is_announced_where_the_server_wants_to_know() -> None:
    assert offered("SIZE 1000000")[0] == f"MAIL FROM:<us@example.com> SIZE={len(RAW)}"


def test_reports_of_failure_and_delay_are_asked_for_where_they_can_be() -> None:
    assert offered("DSN") == [
        "MAIL FROM:<us@example.com> RET=HDRS ENVID=4711",
        "RCPT TO:<ada@example.org> NOTIFY=FAILURE,DELAY",
    ]


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("zoé@straße.de", ["MAIL FROM:<us@example.com> SMTPUTF8", "RCPT TO:<zoé@xn--strae-oqa.de>"]),
        ("ada@straße.de", ["MAIL FROM:<us@example.com>", "RCPT TO:<ada@xn--strae-oqa.de>"]),
    ],
)
def test_other_letters_are_announced_only_where_the_address_needs_them(to: str, said: list[str]) -> None:
    assert offered("SMTPUTF8", to=to) == said


def test_a_server_that_is_not_there_is_not_reached() -> None:
    with connection(f"smtp://127.0.0.1:{free_port()}") as opened:
        assert isinstance(opened.carry(mail()), Unreached)


@pytest.mark.parametrize("greeting", ["554 go away", "421 busy", "nonsense"])
def test_a_server_that_greets_badly_is_not_reached(greeting: str) -> None:
    def script(talk: Conversation) -> None:
        talk.say(greeting)
        talk.wait_for_hang_up()

    with ScriptedServer(script) as server:
        assert isinstance(send(server, timeout=0.5), Unreached)


def test_a_server_that_refuses_every_greeting_is_not_reached() -> None:
    def script(talk: Conversation) -> None:
        talk.say("220 scripted")
        talk.hear("EHLO")
        talk.say("502 no")
        talk.hear("HELO")
        talk.say("502 no")
        talk.wait_for_hang_up()

    with ScriptedServer(script) as server:
        assert "502 no" in why(send(server))


def test_it_delivers_to_the_development_mailbox(tmp_path: Path) -> None:
    with start_mailbox("127.0.0.1", 0, tmp_path) as mailbox, connection(f"smtp://127.0.0.1:{mailbox.port}") as opened:
        assert isinstance(opened.carry(mail()), Accepted)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [RAW]

"""Tokens and keys: whoever has not our secret makes none, changes none, and uses none for what it was not made for."""

import ast
import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nurture
from nurture.adapters.hooks.taking import is_key_of, key_of
from nurture.adapters.tokens import Click, Confirmation, Download, MailLink, ReaderOpened, StepOpened, Tokens
from nurture.errors import InvalidToken
from tests.cli.conftest import Command
from tests.web.conftest import KEY, Web

LATER = datetime(2026, 4, 1, tzinfo=UTC)
LINK = MailLink(77_000_000_001, 42)
OURS, THEIRS = Tokens("a secret of ours"), Tokens("a secret of theirs")


def _named(tokens: Tokens, text: str) -> MailLink:
    found = next(tokens.mails_named(text), None)
    if found is None:
        raise InvalidToken
    return found


def _hook(tokens: Tokens, text: str) -> bool:
    if not is_key_of(tokens, "relay", 1, text):
        raise InvalidToken
    return True


#: Every kind of token: how it is made, how it is read, and whether what a former key signed is still read.
KINDS: dict[str, tuple[Callable[[Tokens], str], Callable[[Tokens, str], object], bool]] = {
    "click": (lambda t: t.click(Click(1, 42, "https://www.example.com/x")), lambda t, s: t.read_click(s), False),
    "open": (lambda t: t.open(LINK), lambda t, s: t.read_open(s), False),
    "open of a step": (lambda t: t.open_of_step(StepOpened("guide", "thanks")), lambda t, s: t.read_open(s), False),
    "open by a reader": (lambda t: t.open_by(ReaderOpened(42)), lambda t, s: t.read_open(s), False),
    "unsubscribe": (lambda t: t.unsubscribe(LINK), lambda t, s: t.read_unsubscribe(s), True),
    "preferences": (lambda t: t.preferences(LINK), lambda t, s: t.read_preferences(s), True),
    "confirm": (
        lambda t: t.confirmation(Confirmation(1, 42, 7, LATER, "news")), lambda t, s: t.read_confirmation(s), False,
    ),
    "download": (lambda t: t.download(Download("guide", None, 42, 3, LATER)), lambda t, s: t.read_download(s), False),
    "mail name": (lambda t: t.mail_name(LINK), _named, True),
    "hook key": (lambda t: key_of(t, "relay", 1), _hook, True),
}  # fmt: skip
OPENS = {"open", "open of a step", "open by a reader"}


def test_every_kind_of_token_is_tried_here() -> None:
    """A new one must be added above."""
    makers = {name.removeprefix("read_") for name in vars(Tokens) if name.startswith("read_")}
    assert makers == {"click", "open", "unsubscribe", "preferences", "confirmation", "download"}


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_read_by_what_it_was_made_for(kind: str) -> None:
    make, read, _ = KINDS[kind]
    assert read(OURS, make(OURS))


@pytest.mark.parametrize("kind", KINDS)
def test_none_is_read_with_another_secret(kind: str) -> None:
    make, read, _ = KINDS[kind]
    with pytest.raises(InvalidToken):
        read(OURS, make(THEIRS))


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_former_key_signed_is_read_only_where_it_never_expires(kind: str) -> None:
    """Who replaces a key that leaked risks by it no more than that somebody is not mailed any more."""
    make, read, outlives = KINDS[kind]
    now = Tokens("a new secret", ["a secret of ours"])
    if outlives:
        assert read(now, make(OURS))
    else:
        with pytest.raises(InvalidToken):
            read(now, make(OURS))
    with pytest.raises(InvalidToken):
        read(now, make(THEIRS))


@pytest.mark.parametrize("kind", KINDS)
def test_none_is_read_as_another(kind: str) -> None:
    token = KINDS[kind][0](OURS)
    for other, (_, read, _) in KINDS.items():
        if other != kind and not {other, kind} <= OPENS:
            with pytest.raises(InvalidToken):
                read(OURS, token)


@pytest.mark.parametrize("kind", KINDS)
def test_no_shorter_and_no_longer_one_is_read(kind: str) -> None:
    make, read, _ = KINDS[kind]
    token = make(OURS)
    for changed in [token[:length] for length in range(len(token))] + [f"{token}A", f"A{token}"]:
        with pytest.raises(InvalidToken):
            read(OURS, changed)


@pytest.mark.parametrize("kind", KINDS)
def test_no_letter_of_one_may_change(kind: str) -> None:
    """But the spare bits of the last one, which mean nothing."""
    make, read, _ = KINDS[kind]
    token = make(OURS)
    meant = read(OURS, token)
    for place, letter in enumerate(token[:-1]):
        changed = token[:place] + ("b" if letter in "aA" else "a") + token[place + 1 :]
        if kind == "mail name" and changed.lower() == token.lower():
            continue
        try:
            assert read(OURS, changed) == meant, "a changed token says something else"
            assert token[place + 1] == ".", "only the last letter of a part has spare bits"
        except InvalidToken:
            pass


@given(text=st.text(max_size=80), kind=st.sampled_from(sorted(KINDS)))
def test_nonsense_is_a_token_that_is_none(text: str, kind: str) -> None:
    with pytest.raises(InvalidToken):
        KINDS[kind][1](OURS, text)


def test_two_people_never_have_the_same_token() -> None:
    for make in (Tokens.unsubscribe, Tokens.preferences, Tokens.open, Tokens.mail_name):
        made = {make(OURS, MailLink(message, person)) for message in range(20) for person in range(20)}
        assert len(made) == 400


def test_a_token_cannot_be_guessed() -> None:
    """128 bits of MAC: at 10,000 guesses a second the sun burns out first."""
    from base64 import urlsafe_b64decode

    for kind, (make, _, _) in KINDS.items():
        token = make(OURS)
        if kind == "mail name":
            assert len(token) * 5 >= 128 + 128
        else:
            assert len(urlsafe_b64decode(token.rpartition(".")[2] + "==")) == 16, kind


def _is_no_folder(guess: str) -> bool:
    """`.` and `..` in an address are another address, and no client sends them."""
    return guess not in {".", ".."}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from(string.ascii_letters + string.digits + "-_."), min_size=1, max_size=120).filter(_is_no_folder))
def test_unknown_and_forbidden_downloads_are_answered_alike(web: Web, guess: str) -> None:
    """Whoever guesses learns nothing: neither whether an asset is there, nor how near the guess was."""
    forged = THEIRS.download(Download("guide", None, 7, 0, web.clock.now() + timedelta(days=1)))
    absent = THEIRS.download(Download("no such asset", None, 7, 0, web.clock.now() + timedelta(days=1)))
    answers = [web.client.get(f"/a/{token}") for token in (guess, forged, absent)]
    assert {(answer.status_code, answer.text, answer.headers["content-type"]) for answer in answers} == {
        (404, answers[0].text, "text/html; charset=utf-8")
    }
    assert web.events() == []


def test_no_key_that_is_near_is_nearer(web: Web) -> None:
    """One byte right or all but one: the same answer."""
    shown = [KEY[:1], KEY[:-1], KEY + "x", KEY.swapcase(), "x" * len(KEY), "", "\0", "é", "sk_", "wk_"]
    answers = [web.client.post("/v1/track", json={"writeKey": key, "userId": "u", "event": "e"}) for key in shown]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer, key in zip(answers, shown, strict=True) if key}) == 1
    assert web.events() == []


#: Secrets are told apart in these modules.
COMPARING = [
    "web/keys.py",
    "adapters/tokens.py",
    "adapters/hooks/checks.py",
    "adapters/hooks/mailgun.py",
    "adapters/hooks/standard.py",
    "web/sessions.py",
]
_SECRET_WORDS = ("secret", "key", "mac", "signature", "token", "right", "shown", "offered")


@pytest.mark.parametrize("module", COMPARING)
def test_secrets_are_compared_in_constant_time(module: str) -> None:
    """By compare_digest, and never by == or `in`, which stop at the first byte that differs."""
    tree = ast.parse((Path(nurture.__file__).parent / module).read_text())
    calls = {ast.unparse(node.func).rpartition(".")[2] for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert calls & {"compare_digest", "verify_signature"}, "nothing is compared here any more; look where it is"
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(isinstance(each, ast.Eq | ast.NotEq) for each in node.ops):
            sides = [ast.unparse(side) for side in (node.left, *node.comparators)]
            values = [side for side in sides if not side.startswith(("'", '"', "b'", 'b"')) and not side.isdigit()]
            assert len(values) < 2 or not any(word in side.lower() for side in values for word in _SECRET_WORDS), ast.unparse(
                node
            )


def test_old_and_new_key_count_side_by_side_as_one_source(web: Web, alone: Command, environment: pytest.MonkeyPatch) -> None:
    """`nurture keys rotate`: what is sent again with the new key is the same event, and nobody waits for anybody."""
    import json

    from nurture.settings import Settings
    from nurture.web.keys import Keys

    old_secret = "sk_" + "0ldKeY" * 5
    environment.setenv(
        "NURTURE_WRITE_KEYS", json.dumps({"website": {"key": "wk_the_old_one", "origins": ["https://www.example.com"]}})
    )
    environment.setenv("NURTURE_SECRET_KEYS", json.dumps({"crm": old_secret}))
    told = alone("keys", "rotate", "website")
    new = told.stdout.strip()
    written = told.stderr.partition("NURTURE_WRITE_KEYS='")[2].partition("'\n")[0]
    fresh = alone("keys", "rotate", "crm").stdout.strip()
    both = {
        "NURTURE_SECRET_KEY": "q" * 16,
        "NURTURE_WRITE_KEYS": written,
        "NURTURE_SECRET_KEYS": json.dumps({"crm": [fresh, old_secret]}),
    }
    settings = Settings.load(both)
    keys = Keys(settings.write_keys, settings.server_keys)
    senders = [keys.sender({"writeKey": key}, {}, b"") for key in ("wk_the_old_one", new, old_secret, fresh)]
    assert [each.source for each in senders] == ["website", "website", "crm", "crm"]
    assert [each.vouches for each in senders] == [False, False, True, True]
    assert [each.origins for each in senders[:2]] == [frozenset({"https://www.example.com"})] * 2
    assert Settings.load(settings.as_environ()).server_keys == settings.server_keys
    environment.setenv("NURTURE_WRITE_KEYS", written)
    listed = alone("keys").stdout
    assert " ".join(listed.split()).count("https://www.example.com; to be given up") == 1
    assert old_secret not in listed
    assert alone("keys", "rotate", "nobody").exit_code == 2

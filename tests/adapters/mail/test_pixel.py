"""The picture in a mail: none unless the policy says so, and never one that tells more of a reader than may be kept."""

import re
from pathlib import Path
from typing import Any

import pytest

from nurture.adapters.tokens import MailLink, ReaderOpened, StepOpened
from nurture.domain.mail.tracking import OPEN_TRACKING, Opens
from tests.adapters.mail.checklist import page
from tests.adapters.mail.letters import AT, PUBLIC_URL, TOKENS, definitions, letter, parts, writer

AGREED: dict[str, Any] = {OPEN_TRACKING: True}


def pictures(opens: Opens, *, person: int = 42, message: int = 77_000_000_001, **facts: Any) -> list[dict[str, str]]:
    policy = definitions(tracking={"opens": opens})
    asked = letter(message=message, **facts)._replace(person=person)
    return page(parts(writer().write(asked, policy, AT))[1]).all("img")


def token_of(opens: Opens, **who: Any) -> str:
    (picture,) = pictures(opens, **who)
    assert (picture["alt"], picture["width"], picture["height"]) == ("", "1", "1")
    return re.fullmatch(rf"{PUBLIC_URL}/o/([\w.-]+)\.gif", picture["src"])[1]  # type: ignore[index]  # no match fails the test


@pytest.mark.parametrize("opens", ["off", "individual"])
@pytest.mark.parametrize("consent", [None, False, "yes", 1])
def test_there_is_none_without_a_policy_and_a_consent(opens: Opens, consent: Any) -> None:
    assert pictures(opens, **{OPEN_TRACKING: consent} if consent is not None else {}) == []


def test_in_the_aggregate_all_readers_of_a_step_get_the_same() -> None:
    tokens = {token_of("aggregate", person=person, message=message) for person in (1, 2) for message in (3, 4)}
    (token,) = tokens
    assert TOKENS.read_open(token) == StepOpened("guide-nurture", "case")


def test_for_hygiene_all_mails_to_a_reader_have_the_same() -> None:
    assert token_of("hygiene", message=3) == token_of("hygiene", message=4) != token_of("hygiene", person=7)
    assert TOKENS.read_open(token_of("hygiene")) == ReaderOpened(42)


def test_whoever_consents_gets_one_of_each_mails_own() -> None:
    assert TOKENS.read_open(token_of("individual", **AGREED)) == MailLink(77_000_000_001, 42)
    assert pictures("off", **AGREED) == []


@pytest.mark.parametrize("withdraw", ["", '<a href="{{ links.preferences }}">choose</a>'])
@pytest.mark.parametrize("opens", ["aggregate", "hygiene", "individual"])
def test_none_that_names_a_reader_goes_without_their_way_to_withdraw(tmp_path: Path, opens: Opens, withdraw: str) -> None:
    (tmp_path / "m").mkdir()
    own = f'<html><body><a href="{{{{ links.unsubscribe }}}}">no more</a>{withdraw}</body></html>'
    (tmp_path / "m/en.html").write_text(f'---\nsubject: "S"\n---\n{own}', encoding="utf-8")
    (tmp_path / "m/en.txt").write_text("{{ links.unsubscribe }}", encoding="utf-8")
    written, _ = writer(tmp_path).draft(letter("m", **AGREED), definitions(tracking={"opens": opens}), AT)
    html = parts(written)[1]
    assert len(page(html).all("img")) == (1 if withdraw or opens == "aggregate" else 0)


def test_the_layout_has_the_way_to_withdraw() -> None:
    policy = definitions(tracking={"opens": "individual"})
    html = parts(writer().write(letter(**AGREED), policy, AT))[1]
    assert f"{PUBLIC_URL}/preferences/{TOKENS.preferences(MailLink(77_000_000_001, 42))}" in page(html).links

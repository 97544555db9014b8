"""A mail with all that it can bear passes the checklist, signature included, and is not changed by what it need not bear."""

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from nurture.adapters.mail.linting.context import Envelope
from nurture.adapters.mail.linting.expected import context_of
from nurture.adapters.mail.linting.linter import lint
from nurture.adapters.mail.signing import make_key, public_record, read_key
from nurture.adapters.mail.writer import MailWriter
from nurture.domain.mail.marks import Provider
from tests.adapters.mail.letters import AT, PUBLIC_URL, TEMPLATES, TOKENS, definitions, letter

EVERYTHING: dict[str, Any] = {
    "bounce_domain": "bounces.example.com", "unsubscribe_mailto": "unsubscribe@example.com", "providers": [*get_args(Provider)],
    "utm": {}, "dkim": {"domain": "example.com", "selector": "s"}, "tracking": {"opens": "aggregate"},
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "fr"])
def test_nothing_is_found_on_it(tmp_path: Path, language: str) -> None:
    make_key(tmp_path / "s.pem", "rsa")
    record = public_record(read_key(tmp_path / "s.pem")).encode()
    policy, ada = definitions(**EVERYTHING), letter(first_name="Zoé", last_name="Œrsted", language=language)
    written = MailWriter(TEMPLATES, PUBLIC_URL, TOKENS, dkim_folder=tmp_path).write(ada, policy, AT)
    expected = context_of(ada, written.language, policy, PUBLIC_URL, TOKENS, AT)
    context = replace(expected, dkim_key=lambda _: record, signs=True)
    assert lint(written.raw, Envelope(written.mail_from, (ada.address,)), context) == []

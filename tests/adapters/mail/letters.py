"""Letters, definitions and a writer for the tests of this folder."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any

from nurture.adapters.mail.writer import MailWriter
from nurture.adapters.tokens import Tokens
from nurture.domain.definitions import Definitions
from nurture.ports import Letter, Written

TEMPLATES = Path(__file__).parents[3] / "templates" / "emails"
PUBLIC_URL = "https://nurture.example.com"
TOKENS = Tokens("a secret for the tests of this folder")
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def definitions(**sending: Any) -> Definitions:
    """A publisher with two assets; keyword arguments replace parts of config/sending.yaml."""
    return Definitions.model_validate(
        {
            "scoring": {},
            "lifecycle": {},
            "assets": {
                "guide-lead-gen": {"title": {"fr": "Guide de la lead gen", "en": "The lead gen guide"}, "file": "guide.pdf"},
                "webinar-recording": {"title": {"fr": "Le replay", "en": "The recording"}, "file": "recording.mp4"},
            },
            "consents": {
                "purposes": {"marketing-email": {"version": "1", "wording": {"fr": "Écrivez-moi.", "en": "Write to me."}}},
            },
            "sending": {
                "sender": {"name": "Camille Durand", "email": "camille@example.com"},
                "organisation": {
                    "name": "Atelier Exemple SAS",
                    "address": "12 rue de la Paix\n75002 Paris, France",
                    "privacy_url": "https://www.example.com/privacy",
                },
                **sending,
            },
        }
    )


def letter(template: str = "case-study", *, message: int = 77_000_000_001, **facts: Any) -> Letter:
    """A letter to person 42."""
    return Letter(message, 42, "guide-nurture", "case", template, "ada@example.org", {"email": "ada@example.org", **facts})


@cache
def writer(folder: Path = TEMPLATES, public_url: str = PUBLIC_URL) -> MailWriter:
    """A writer, which keeps the templates it has compiled from one test to the next."""
    return MailWriter(folder, public_url, TOKENS)


def parsed(written: Written) -> EmailMessage:
    return message_from_bytes(written.raw, policy=policy.default)


def parts(written: Written) -> tuple[str, str]:
    """The text and the HTML of a mail."""
    message = parsed(written)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()

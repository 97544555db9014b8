"""Who answers a mail."""

import pytest

from nurture.domain.mail.answers import Answer, told_by_answer
from nurture.domain.mail.faults import Fault


def kind(subject: str = "Re: The guide", sender: str = "ana@acme.test", words: str = "Thank you", **header: str) -> str:
    told = told_by_answer(Answer({name.replace("_", "-"): value for name, value in header.items()}, subject, sender, words))
    assert (told.fault == Fault.POLICY) == (told.kind == "deferred")
    return told.kind


@pytest.mark.parametrize(
    "header",
    [
        {"auto_submitted": "auto-replied"},
        {"auto_submitted": "auto-generated; owner=x"},
        {"auto_submitted": "AUTO-NOTIFIED"},
        {"precedence": "Bulk"},
        {"precedence": "auto_reply"},
        {"x_autoreply": "yes"},
        {"x_autorespond": ""},
        {"x_auto_response_suppress": "All"},
        {"x_post_messageclass": "9; Autoresponder"},
        {"return_path": "<>"},
    ],
    ids=str,
)
def test_a_header_tells_a_machine(header: dict[str, str]) -> None:
    assert kind(**header) == "auto_replied"


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"auto_submitted": "no"},
        {"auto_submitted": "No (a person)"},
        {"precedence": "normal"},
        {"return_path": "<ana@acme.test>"},
    ],
    ids=str,
)
def test_nothing_tells_a_person_but_that_nothing_tells_a_machine(header: dict[str, str]) -> None:
    assert kind(**header) == "replied"


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("Automatic reply: The guide", "auto_replied"),
        ("Réponse automatique : Le guide", "auto_replied"),
        ("Absente du bureau", "auto_replied"),
        ("Abwesenheitsnotiz", "auto_replied"),
        ("Automatische Antwort: Der Leitfaden", "auto_replied"),
        ("Out-of-Office", "auto_replied"),
        ("AUTO: away", "auto_replied"),
        ("Respuesta automática: La guía", "auto_replied"),
        ("Re: Out of office", "replied"),
        ("Automation of our campaigns", "replied"),
        ("Automobiles", "replied"),
        ("On learning from you", "replied"),
        ("Congress in May", "replied"),
    ],
)
def test_subjects_tell_a_machine_last(subject: str, told: str) -> None:
    assert kind(subject) == told


@pytest.mark.parametrize(("sender", "told"), [
    ("no-reply@acme.test", "auto_replied"), ("noreply@acme.test", "auto_replied"), ("DoNotReply@acme.test", "auto_replied"),
    ("ne-pas-repondre@acme.test", "auto_replied"), ("noelle@acme.test", "replied"), ("norman.reply@acme.test", "replied"),
])  # fmt: skip
def test_whoever_reads_no_mail_is_a_machine(sender: str, told: str) -> None:
    assert kind(sender=sender) == told


def test_a_gate_is_a_machine_that_asks_for_proof() -> None:
    words = "Your message is held: confirm that you are a real person."
    assert kind("Please confirm", words=words, precedence="bulk") == "deferred"
    assert kind("Please confirm", words=words) == "replied", "a person may say so"
    assert kind("The guide", sender="x@mailinblack.test") == "deferred"
    assert kind("Re: The guide", sender="anna.challenger@acme.test") == "replied"

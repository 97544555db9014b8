"""The mails of a sequence as a sample person would get them: of every step, in every variant and language."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from nurture.adapters.mail.blocks import whole
from nurture.adapters.mail.templates import Templates
from nurture.adapters.mail.writer import MailWriter
from nurture.domain.definitions import Definitions
from nurture.domain.sequence import Sequence
from nurture.domain.steps import EmailStep, PoolStep, Variant
from nurture.errors import TemplateError
from nurture.ports import Letter

#: Somebody of whom everything is known that the example forms ask for.
SAMPLE: Final[dict[str, Any]] = {
    "first_name": "Camille", "last_name": "Durand", "company": "Example SAS", "job_title": "Head of Marketing",
    "country": "FR", "timezone": "Europe/Paris", "stage": "lead", "engagement": 42.0, "fit": 25, "grade": "C",
    "email": "camille.durand@example.com", "email_domain": "example.com",
}  # fmt: skip


class Sample(NamedTuple):
    """A mail in one language, or the mistake in its template."""

    language: str
    subject: str
    preheader: str = ""
    html: str = ""
    text: str = ""
    mistake: str | None = None


class SampleMail(NamedTuple):
    """A mail that a step may send, with the variant that it is, in its languages."""

    step: str
    email: str
    variant: str | None
    samples: tuple[Sample, ...]


def sample_letter(email: str, language: str, *, sequence: str, step: str, variant: Variant | None = None) -> Letter:
    """The letter to the sample person, with which nothing can be done to anybody."""
    return Letter(
        message=1, person=1, sequence=sequence, step=step, template=email, address=SAMPLE["email"],
        facts={**SAMPLE, "language": language}, subject=variant.subject if variant else None,
        preheader=variant.preheader if variant else None,
    )  # fmt: skip


def sample_mails(
    sequence: Sequence,
    definitions: Definitions,
    templates: Templates,
    writer: MailWriter,
    at: datetime,
    language: str | None = None,
) -> Iterator[SampleMail]:
    """Every mail of a sequence, in the order of its steps; in every language it has, or as a reader of one gets it."""
    for step, email, name, variant in mails_of(sequence, definitions):
        languages = [language] if language else [choice.language for choice in templates.sources(email)]
        letters = (
            sample_letter(email, each, sequence=sequence.sequence, step=step, variant=variant)
            for each in languages or [definitions.sending.default_language]
        )
        yield SampleMail(step, email, name, tuple(_sample(letter, definitions, writer, at) for letter in letters))


def mails_of(sequence: Sequence, definitions: Definitions) -> Iterator[tuple[str, str, str | None, Variant | None]]:
    """Each step's e-mails, with the names of their variants."""
    for node in sequence.program.nodes.values():
        match getattr(node, "step", None):
            case EmailStep(id=step, email=email, variants=variants) if variants:
                yield from ((step, variant.email or email, name, variant) for name, variant in variants.items())
            case EmailStep(id=step, email=email):
                yield step, email, None, None
            case PoolStep(id=step, pool=pool):
                yield from ((step, piece.email, None, None) for piece in definitions.pools.get(pool, ()))
            case _:
                continue


def _sample(letter: Letter, definitions: Definitions, writer: MailWriter, at: datetime) -> Sample:
    try:
        composed = writer.compose(letter, definitions, at)
    except TemplateError as error:
        return Sample(letter.facts["language"], "", mistake=str(error))
    return Sample(composed.choice.language, composed.subject, composed.preheader, whole(composed.html), whole(composed.text))


def mistakes(mails: Iterable[SampleMail]) -> Iterator[str]:
    """What could not be rendered; each mistake once."""
    yield from dict.fromkeys(sample.mistake for mail in mails for sample in mail.samples if sample.mistake)

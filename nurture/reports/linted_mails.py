"""What is wrong with the mails of the sequences, found by writing each for sample people: for `nurture check`.

What templates do with their values shows only with values: so everybody gets every mail, those of whom nothing is known and those
who typed what does harm included.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from nurture.adapters.mail.linting.context import Envelope
from nurture.adapters.mail.linting.expected import context_of
from nurture.adapters.mail.linting.linter import lint
from nurture.adapters.mail.linting.rules import Finding
from nurture.adapters.mail.templates import Templates
from nurture.adapters.mail.writer import MailWriter
from nurture.adapters.tokens import Tokens
from nurture.definitions.config import SENDING
from nurture.definitions.loader import Loaded
from nurture.definitions.mistakes import Mistake
from nurture.domain.definitions import Definitions
from nurture.errors import TemplateError
from nurture.ports import Letter
from nurture.reports.sample_mails import SAMPLE, mails_of, sample_letter
from nurture.settings import Settings


class Known(dict[str, Any]):
    """The facts of somebody of whom whatever a template asks for is known."""

    def __missing__(self, name: str) -> str:
        return "Example"


#: Everybody, by what is special about them; whoever comes later adds values, not facts.
PEOPLE: Final[Mapping[str, dict[str, Any]]] = {
    "somebody well known": Known(SAMPLE),
    "somebody of whom nothing is known": {"email": SAMPLE["email"]},
    "somebody with long names": Known(
        SAMPLE, first_name="Wolfeschlegelsteinhausen Maximilian", last_name="Bergerdorff", company="Société Générale d’Été " * 4
    ),
    "somebody with accents": Known(SAMPLE, first_name="Zoé-Édith", last_name="Œrsted", company="Müller & Söhne 🍋"),
    "somebody who typed what does harm": Known(
        SAMPLE,
        first_name="<b onload=x>{{ 7 * 7 }}</b>\r\nBcc: eve@example.com",
        company='"><script>x</script> [x](http://evil.example) \u202e',
    ),
}


#: What is signed for sample people is thrown away, so nobody needs the installation's own.
_THROWN_AWAY: Final = "nobody keeps what is signed with it"


class Linted(NamedTuple):
    """What is wrong with a mail, in which file."""

    file: str
    finding: Finding


def mistakes_in_mails(settings: Settings, loaded: Loaded, at: datetime) -> list[Mistake]:
    """The mistakes, each once; those of every mail are about none of them, and are told of sending.yaml. None if definitions are wrong."""
    if loaded.definitions is None:
        return []
    found: dict[Linted, None] = {}
    mails: dict[str, None] = {}
    for file, findings in _looked_at(settings, loaded.definitions, at):
        mails[file] = None
        found |= dict.fromkeys(Linted(file, finding) for finding in findings)
    policy = (settings.config_dir / SENDING).as_posix()
    everywhere = {each.finding for each in found if all(Linted(file, each.finding) in found for file in mails)}
    shared = everywhere if len(mails) > 1 else set()
    mistakes = {_mistake(policy if each.finding in shared else _path(settings, each.file), each.finding): None for each in found}
    return sorted(mistakes)


def _looked_at(settings: Settings, definitions: Definitions, at: datetime) -> Iterator[tuple[str, list[Finding]]]:
    """Each mail for each of the people, as the file that it is written from and what is wrong with it."""
    tokens = Tokens(_THROWN_AWAY)
    writer = MailWriter(settings.templates_dir, settings.public_url, tokens)
    for who, letter in letters(Templates(settings.templates_dir), definitions):
        try:
            written, file = writer.draft(letter, definitions, at)
        except TemplateError as error:
            place, _, said = str(error).partition(": ")
            # A sequence may well have none but those of whom this is known.
            yield place, [Finding("", "W", f"the mail cannot be written for {who}: {said}")]
            continue
        context = context_of(letter, written.language, definitions, settings.public_url.rstrip("/"), tokens, at)
        yield file, lint(written.raw, Envelope(written.mail_from, (letter.address,)), context)


def letters(templates: Templates, definitions: Definitions) -> Iterator[tuple[str, Letter]]:
    """A letter for each mail, variant, language and sample person; a mail that several steps send is one."""
    seen = set()
    for sequence in definitions.sequences.values():
        for step, email, _, variant in mails_of(sequence, definitions):
            mail = (email, variant and (variant.subject, variant.preheader))
            if mail in seen:
                continue
            seen.add(mail)
            for choice in templates.sources(email):
                letter = sample_letter(email, choice.language, sequence=sequence.sequence, step=step, variant=variant)
                for who, facts in PEOPLE.items():
                    yield who, letter._replace(facts=type(facts)(facts, language=choice.language))


def _path(settings: Settings, file: str) -> str:
    return (settings.templates_dir / file).as_posix()


def _mistake(path: str, finding: Finding) -> Mistake:
    what, _, fix = finding.text.partition("; ")
    file, line = _placed(path)
    told = f"{finding.id}: {what}" if finding.id else what
    return Mistake(file, line, 1, told, fix, "error" if finding.level == "E" else "warning")


def _placed(path: str) -> tuple[str, int]:
    """A path with the line that it may end with."""
    file, colon, line = path.rpartition(":")
    return (file, int(line)) if colon and line.isdecimal() else (path, 1)

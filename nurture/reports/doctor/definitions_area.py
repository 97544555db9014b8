"""Definitions: what is wrong in the configuration folder, and what of it nobody ever meets."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import select

from nurture.adapters.database.figure_basis import needs_rebuild
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.tables import enrollments, messages, releases
from nurture.adapters.mail.templates import Templates
from nurture.definitions.loader import Loaded
from nurture.definitions.mistakes import Mistake
from nurture.domain.definitions import Definitions
from nurture.errors import DefinitionError
from nurture.reports.doctor.examining import Check
from nurture.reports.doctor.finding import Book, Code, Finding
from nurture.reports.doctor.patient import Patient
from nurture.reports.wording import counted

#: So many mistakes are told one by one.
_MOST: Final = 10

#: Definitions that are younger have not had the time to meet anybody.
_GROWN: Final = timedelta(days=30)

#: How `nurture check` begins to say that a sequence takes nobody in.
CLOSED: Final = ("nobody can enter", "everybody leaves at once")

#: Names that are reserved for examples (RFC 2606): the sender of the configuration that is delivered with the engine.
_EXAMPLES: Final = ("example.com", "example.net", "example.org")

BOOK: Final = Book(
    "definitions",
    {
        "sequence-closed": Code(
            "error",
            "Nobody can enter a sequence, or everybody leaves it at once.",
            "change its trigger, its audience or its exits where `nurture check` says",
            "nurture check",
        ),
        "definitions-wrong": Code(
            "error",
            "The configuration folder has a mistake, so that it cannot be put in force. What was in force before goes on.",
            "correct it where it says",
            "nurture check",
        ),
        "definitions-doubtful": Code(
            "warning", "Something in the configuration folder is most likely not meant so.", "correct it where it says", "nurture check"
        ),
        "definitions-unapplied": Code(
            "note",
            "The configuration folder says otherwise than what is in force.",
            "see what would change, then `nurture apply`",
            "nurture plan",
        ),
        "sender-example": Code(
            "error",
            "In production, mail would go out in the name of the example that is delivered with the engine.",
            "write your own sender and organisation into sending.yaml, then `nurture apply`",
        ),
        "figures-old": Code(
            "warning",
            "The figures of reports are counted by another time zone, brand or order of stages than is in force, or not from the first event.",
            "count them anew; workers go on meanwhile",
            "nurture report rebuild",
        ),
        "sequence-unentered": Code(
            "warning",
            "A sequence was in force for a month, and nobody ever entered it.",
            "see with `nurture simulate` who would, and whether its trigger ever happens",
            "nurture simulate",
        ),
        "mail-unsent": Code(
            "note",
            "An e-mail is named by a sequence that was in force for a month, and nobody ever got it.",
            "see with `nurture preview` how one comes to it",
            "nurture preview",
        ),
        "mail-unused": Code("note", "An e-mail was written that nothing names.", "name it in a step or a pool, or delete its folder"),
    },
)  # fmt: skip


def look_at_folder(patient: Patient) -> Iterator[Finding]:
    """The configuration folder and the templates, as `nurture check` reads them."""
    loaded = patient.loaded()
    written = Templates(patient.settings.templates_dir).names() if patient.settings.templates_dir.is_dir() else []
    yield from judge_folder(loaded, written)


def judge_folder(loaded: Loaded, written: Collection[str]) -> Iterator[Finding]:
    """What is wrong with what was read, and which of the e-mails that were written nothing names."""
    found = [_of_mistake(mistake) for mistake in sorted(loaded.mistakes, key=lambda each: (each.severity, each))]
    unused = sorted(set(written) - set(loaded.definitions.emails())) if loaded.definitions is not None else []
    if unused:
        found.append(BOOK("mail-unused", f"nothing names {', '.join(unused)}"))
    told = found[:_MOST]
    if len(found) > _MOST:
        told.append(
            BOOK("definitions-doubtful", f"{len(found) - _MOST} more; `nurture check` lists them all", level=found[_MOST].level)
        )
    if loaded.definitions is not None:
        told.append(BOOK.fine(f"{counted(len(loaded.definitions.sequences), 'sequence')} in the configuration folder"))
    yield from told


def _of_mistake(mistake: Mistake) -> Finding:
    what = f"{mistake.file}:{mistake.line}: {mistake.what}"
    code = "definitions-wrong" if mistake.severity == "error" else "definitions-doubtful"
    found = BOOK("sequence-closed" if mistake.what.startswith(CLOSED) else code, what)
    return found.model_copy(update={"remedy": mistake.fix}) if mistake.fix else found


class InForce(NamedTuple):
    """What is in force since when; the sequences that somebody ever entered, and the e-mails that somebody ever got. `figures_old`:
    reports count by something else.
    """

    definitions: Definitions
    digest: str
    since: datetime
    entered: Collection[str]
    mailed: Collection[str]
    figures_old: bool = False


def look_in_force(patient: Patient) -> Iterator[Finding]:
    """What is in force, held against the folder and against who came."""
    with patient.reading() as connection:
        try:
            definitions = Releases().current(connection)
        except DefinitionError:
            return  # status says so
        row = connection.execute(select(releases.c.digest, releases.c.applied_at).order_by(releases.c.id.desc()).limit(1)).one()
        old = patient.at - row.applied_at >= _GROWN
        entered = connection.scalars(select(enrollments.c.sequence).distinct()).all() if old else ()
        mailed = connection.scalars(select(messages.c.template).distinct()).all() if old else ()
        figures_old = needs_rebuild(connection, definitions)
    in_force = InForce(definitions, row.digest, row.applied_at, entered, mailed, figures_old)
    yield from judge_in_force(in_force, patient.loaded().definitions, patient.at, production=patient.settings.production)


def judge_in_force(in_force: InForce, folder: Definitions | None, at: datetime, *, production: bool) -> Iterator[Finding]:
    """What is wrong with what is in force."""
    found = []
    sender = in_force.definitions.sending.sender.email.rpartition("@")[2].lower()
    if production and (sender in _EXAMPLES or sender.endswith(tuple(f".{each}" for each in _EXAMPLES))):
        found.append(BOOK("sender-example", f"the sender's domain is {sender}"))
    if folder is not None and folder.digest != in_force.digest:
        found.append(BOOK("definitions-unapplied", f"the folder holds {folder.digest}, in force is {in_force.digest}"))
    if in_force.figures_old:
        found.append(BOOK("figures-old", "the roll-ups do not follow from the definitions in force"))
    if at - in_force.since >= _GROWN:
        found += _never_met(in_force.definitions, set(in_force.entered), set(in_force.mailed))
    yield from found or [BOOK.fine(f"in force: {in_force.digest}")]


def _never_met(definitions: Definitions, entered: set[str], mailed: set[str]) -> Iterator[Finding]:
    for name in sorted(definitions.sequences.keys() - entered):
        yield BOOK("sequence-unentered", f"nobody ever entered {name}")
    named = {
        email for name, each in definitions.sequences.items() if name in entered for step in each.emails() for email in step.emails()
    }  # fmt: skip
    unsent: Sequence[str] = sorted(named - mailed)
    for email in unsent:
        yield BOOK("mail-unsent", f"nobody ever got {email}")


CHECKS: Final = (
    Check("definitions", "the configuration folder", look_at_folder, patience=8),
    Check("definitions", "what is in force", look_in_force, patience=8),
)

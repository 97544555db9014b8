"""`nurture preview`: an e-mail as a reader would get it, or a whole sequence on one page, in files; nothing is sent."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from nurture.cli.common import load_settings
from nurture.cli.printing import print_json

if TYPE_CHECKING:
    from datetime import datetime

    from nurture.adapters.mail.templates import Templates
    from nurture.adapters.mail.writer import MailWriter
    from nurture.domain.definitions import Definitions
    from nurture.ports import Letter, Written
    from nurture.reports.standing import Headcount
    from nurture.settings import Settings


class _Desk(NamedTuple):
    """What mails are written with."""

    settings: "Settings"
    definitions: "Definitions"
    templates: "Templates"
    writer: "MailWriter"
    at: "datetime"


def preview(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A sequence, or an e-mail: its folder in the templates.")],
    as_sequence: Annotated[
        bool | None, typer.Option("--sequence/--email", help="Which of the two is meant, where both have this name.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="The reader's language, such as fr; without it, each there is.")] = None,
    out: Annotated[Path, typer.Option(help="The folder to write into; for a sequence, also a file such as page.html.")] = Path(
        "preview"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a sequence as one page: its flow drawn, each of its mails, and who stands where, if there is a database.

    Or write an e-mail for a sample person as .html, .txt and .eml. Exit code 1 if a mail cannot be rendered.
    """
    from nurture.errors import TemplateError

    desk = _desk()
    try:
        if _is_sequence(name, desk, as_sequence):
            _preview_sequence(name, desk, language, out, as_json)
        else:
            _preview_email(name, desk, language, out, as_json)
    except TemplateError as error:
        typer.echo(f"nurture: {error}", err=True)
        raise typer.Exit(1) from None


def _desk() -> _Desk:
    from nurture.adapters.mail.templates import Templates
    from nurture.adapters.mail.writer import MailWriter
    from nurture.adapters.tokens import Tokens
    from nurture.bootstrap import clock

    settings = load_settings()
    definitions = _definitions(settings)
    writer = MailWriter(settings.templates_dir, settings.public_url, Tokens(settings.secret))
    return _Desk(settings, definitions, Templates(settings.templates_dir), writer, clock(settings).now())


def _definitions(settings: "Settings") -> "Definitions":
    """What the mails say of the sender and of assets; a mistake in another template does not matter here."""
    from nurture.definitions.loader import load

    loaded = load(settings.config_dir)
    if loaded.definitions is None:
        for mistake in loaded.errors:
            typer.echo(str(mistake), err=True)
        raise typer.Exit(1)
    return loaded.definitions


def _is_sequence(name: str, desk: _Desk, said: bool | None) -> bool:
    """Whether a sequence is meant; raises TemplateError for a name that nothing has."""
    from nurture.domain.wording import instead
    from nurture.errors import TemplateError

    sequences, emails = desk.definitions.sequences, desk.templates.names()
    if said is None and name in sequences and name in emails:
        raise typer.BadParameter(f"{name} is a sequence and an e-mail; add --sequence or --email", param_hint="NAME")
    known = [*(sequences if said is not False else []), *(emails if not said else [])]
    if name not in known:
        what = {True: "sequence", False: "e-mail", None: "sequence and no e-mail"}[said]
        raise TemplateError(f"there is no {what} {name!r}; {instead(name, known)}")
    return name in sequences if said is None else said


def _preview_email(name: str, desk: _Desk, language: str | None, out: Path, as_json: bool) -> None:
    """The e-mail in files. Raises TemplateError."""
    languages = [language] if language else [choice.language for choice in desk.templates.sources(name)]
    rendered = [
        _save(desk.writer.write(_letter(name, each, desk.definitions), desk.definitions, desk.at), name, out)
        for each in languages
    ]
    if as_json:
        print_json(rendered)
        return
    for each in rendered:
        typer.echo(f"{each['language']}: {each['subject']}")
        for file in each["files"]:
            typer.echo(f"  {file}")


def _letter(email: str, language: str, definitions: "Definitions") -> "Letter":
    """The letter of the first step that sends this e-mail; of none, for one that no sequence names yet."""
    from nurture.reports.sample_mails import sample_letter

    used = ((name, step.id) for name, plan in definitions.sequences.items() for step in plan.emails() if email in step.emails())
    sequence, step = next(used, ("preview", "preview"))
    return sample_letter(email, language, sequence=sequence, step=step)


def _save(written: "Written", name: str, out: Path) -> dict[str, Any]:
    from email import policy
    from email.parser import BytesParser

    mail = BytesParser(policy=policy.default).parsebytes(written.raw)
    contents = {"eml": written.raw}
    for suffix, kind in (("html", "html"), ("txt", "plain")):
        part = mail.get_body((kind,))
        assert part is not None
        contents[suffix] = part.get_content().encode()
    out.mkdir(parents=True, exist_ok=True)
    files = []
    for suffix, content in contents.items():
        file = out / f"{name}.{written.language}.{suffix}"
        file.write_bytes(content)
        files.append(file.as_posix())
    return {"email": name, "language": written.language, "subject": written.subject, "files": files}


def _preview_sequence(name: str, desk: _Desk, language: str | None, out: Path, as_json: bool) -> None:
    """The sequence on one page. What is wrong with a mail stands in its place there, too."""
    from nurture.reports.preview_page import preview_page
    from nurture.reports.sample_mails import mistakes, sample_mails

    sequence = desk.definitions.sequences[name]
    mails = tuple(sample_mails(sequence, desk.definitions, desk.templates, desk.writer, desk.at, language))
    people = _people(name, desk.settings)
    file = out if out.suffix == ".html" else out / f"{name}.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(preview_page(sequence, desk.definitions, mails, people), encoding="utf-8")
    wrong = list(mistakes(mails))
    if as_json:
        told = people if isinstance(people, str) else people.model_dump(mode="json")
        print_json({"sequence": name, "file": file.as_posix(), "mistakes": wrong, "people": told})
    else:
        typer.echo(file.as_posix())
        typer.echo(f"  {people if isinstance(people, str) else f'{people.people} on it'}")
    for mistake in wrong:
        typer.echo(f"nurture: {mistake}", err=True)
    if wrong:
        raise typer.Exit(1)


def _people(name: str, settings: "Settings") -> "Headcount | str":
    """Who stands where on a sequence, or why nobody could be counted."""
    from sqlalchemy import make_url

    from nurture.bootstrap import database
    from nurture.errors import NurtureError
    from nurture.reports.standing import headcount

    url = make_url(settings.database)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():  # to connect would make the file
        return "there is no database, so nobody is counted"
    store = database(settings)
    try:
        return headcount(store.engine, name)
    except NurtureError as error:
        return f"nobody is counted: {error}"
    finally:
        store.engine.dispose()

"""`nurture preview`: an e-mail as a reader would get it, in files, without sending anything."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from nurture.cli.common import load_settings
from nurture.cli.printing import print_json

if TYPE_CHECKING:
    from nurture.domain.definitions import Definitions
    from nurture.ports import Letter, Written
    from nurture.settings import Settings

#: Somebody of whom everything is known that the example forms ask for.
SAMPLE: Final[dict[str, Any]] = {
    "first_name": "Camille", "last_name": "Durand", "company": "Example SAS", "job_title": "Head of Marketing",
    "country": "FR", "timezone": "Europe/Paris", "stage": "lead", "engagement": 42.0, "fit": 25, "grade": "C",
    "email": "camille.durand@example.com", "email_domain": "example.com",
}  # fmt: skip


def preview(
    email: Annotated[str, typer.Argument(metavar="EMAIL_NAME", help="The e-mail's folder in the templates.")],
    language: Annotated[str | None, typer.Option(help="The reader's language, such as fr; without it, each there is.")] = None,
    out: Annotated[Path, typer.Option(file_okay=False, help="The folder to write into.")] = Path("preview"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write an e-mail for a sample person as .html, .txt and .eml. Exit code 1 if it cannot be rendered."""
    from nurture.adapters.mail.writer import MailWriter
    from nurture.adapters.tokens import Tokens
    from nurture.bootstrap import clock
    from nurture.errors import TemplateError

    settings = load_settings()
    definitions = _definitions(settings)
    writer = MailWriter(settings.templates_dir, settings.public_url, Tokens(settings.secret))
    at = clock(settings).now()
    try:
        rendered = [
            _save(writer.write(_letter(email, each, definitions), definitions, at), email, out)
            for each in ([language] if language else _languages(settings, email))
        ]
    except TemplateError as error:
        typer.echo(f"nurture: {error}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        print_json(rendered)
    else:
        for each in rendered:
            typer.echo(f"{each['language']}: {each['subject']}")
            for file in each["files"]:
                typer.echo(f"  {file}")


def _definitions(settings: "Settings") -> "Definitions":
    """What the mails say of the sender and of assets; a mistake in another template does not matter here."""
    from nurture.definitions.loader import load

    loaded = load(settings.config_dir)
    if loaded.definitions is None:
        for mistake in loaded.errors:
            typer.echo(str(mistake), err=True)
        raise typer.Exit(1)
    return loaded.definitions


def _languages(settings: "Settings", email: str) -> list[str]:
    from nurture.adapters.mail.templates import Templates
    from nurture.domain.wording import instead
    from nurture.errors import TemplateError

    templates = Templates(settings.templates_dir)
    languages = [choice.language for choice in templates.sources(email)]
    if not languages:
        raise TemplateError(f"there is no e-mail {email!r}; {instead(email, templates.names())}")
    return languages


def _letter(email: str, language: str, definitions: "Definitions") -> "Letter":
    """The letter of the first step that sends this e-mail; of none, for one that no sequence names yet."""
    from nurture.ports import Letter

    used = ((name, step.id) for name, plan in definitions.sequences.items() for step in plan.emails() if step.email == email)
    sequence, step = next(used, ("preview", "preview"))
    return Letter(
        message=1, person=1, sequence=sequence, step=step, template=email, address=SAMPLE["email"],
        facts={**SAMPLE, "language": language},
    )  # fmt: skip


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

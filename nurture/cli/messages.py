"""`nurture messages`: mails one by one, and those of which nobody knows whether a server took them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.person import somebody
from nurture.cli.printing import aligned, clean, instant, print_json
from nurture.domain.mail.message import MessageStatus
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from nurture.domain.mail.uncertain import Finding
    from nurture.reports.mails import MailFacts, Naming
    from nurture.settings import Settings

app = typer.Typer(help="Look at mails one by one, and settle those that are uncertain.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")]


@app.command(name="list")
def list_(
    status: Annotated[MessageStatus | None, typer.Option(help="Only those that stand there.", show_default=False)] = None,
    sequence: Annotated[str | None, typer.Option(help="Only those of a sequence.", show_default=False)] = None,
    person: Annotated[str | None, typer.Option(metavar="EMAIL", help="Only those to somebody.", show_default=False)] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List mails, the latest planned first. Exit code 1 if nobody is known by the address."""
    from nurture.cli.releases import installation
    from nurture.reports.mails import Wanted, mails

    with installation() as base, somebody():
        found = mails(base.database.engine, Wanted(status=status, sequence=sequence, person=person), limit)
    if as_json:
        print_json(found)
        return
    rows = (
        (each.id, each.status, f"{each.sequence}/{each.step}", instant(each.sent_at or each.due_at), each.email, each.reason)
        for each in found.messages
    )
    for line in aligned(rows):
        typer.echo(line)
    more = f", the latest {limit} of them shown" if found.count > limit else ""
    typer.echo(counted(found.count, "message") + more)


@app.command()
def uncertain(limit: Limit = 1_000, as_json: AsJson = False) -> None:
    """List mails of which nobody knows whether a server took them, with what is known. Exit code 1 if there are any.

    They are not sent again by themselves. What a provider or a reader says of one settles it; so does `nurture messages resolve`.
    """
    from nurture.cli.releases import installation
    from nurture.reports.mails import uncertain_mails

    with installation() as base:
        found = uncertain_mails(base.database.engine, limit, _naming(base.settings))
    if as_json:
        print_json([each.model_dump(mode="json") for each in found])
    else:
        for each in found:
            typer.echo("\n".join(_told(each)))
        typer.echo(counted(len(found), "uncertain message"))
    raise typer.Exit(1 if found else 0)


@app.command()
def show(
    id_: Annotated[int, typer.Argument(metavar="ID", help="An id, as `nurture messages list` prints it.")],
    as_json: AsJson = False,
) -> None:
    """Tell everything that is known of one mail. Exit code 1 if there is none."""
    from nurture.cli.releases import installation
    from nurture.reports.mails import mail_facts

    with installation() as base:
        found = mail_facts(base.database.engine, id_, _naming(base.settings))
    if found is None:
        typer.echo(f"nurture: there is no message {id_}; `nurture messages list` prints their ids", err=True)
        raise typer.Exit(1)
    if as_json:
        print_json(found)
    else:
        typer.echo("\n".join(_told(found)))


@app.command()
def resolve(
    ids: Annotated[
        list[int], typer.Argument(metavar="ID...", help="Uncertain mails, as `nurture messages uncertain` prints them.")
    ],
    sent: Annotated[bool, typer.Option("--sent", help="A server took them.")] = False,
    not_sent: Annotated[bool, typer.Option("--not-sent", help="No server took them: they are queued again, and go now.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Leave them: they do not go again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what became of uncertain mails. `--not-sent` is your word that nobody has got them: they are mailed.

    Safe to run twice, and all or nothing: a mail that is not uncertain is refused.
    """
    from nurture.cli.releases import installation
    from nurture.flow.resolve import resolve as settle

    finding = _finding(sent=sent, not_sent=not_sent, failed=failed)
    with installation() as base:
        came_to = settle(base.database, ids, finding, base.clock.now())
    if as_json:
        print_json({"finding": finding, "resolved": came_to.resolved, "already": came_to.already})
        return
    becomes = {"sent": "sent", "not_sent": "queued again", "failed": "failed"}[finding]
    already = f", {len(came_to.already)} already" if came_to.already else ""
    typer.echo(f"{counted(len(came_to.resolved), 'message')} {becomes}{already}")


def _finding(**said: bool) -> "Finding":
    match [name for name, is_said in said.items() if is_said]:
        case ["sent"]:
            return "sent"
        case ["not_sent"]:
            return "not_sent"
        case ["failed"]:
            return "failed"
    raise typer.BadParameter("say one of --sent, --not-sent and --failed")


def _naming(settings: "Settings") -> "Naming":
    """What mails are called on the wire."""
    from nurture.adapters.tokens import MailLink, Tokens

    tokens = Tokens(settings.secret)
    return lambda message, person: tokens.mail_name(MailLink(message, person))


def _told(mail: "MailFacts") -> Iterator[str]:
    """One mail as lines: where it stands, what is known, what was heard."""
    yield f"{mail.id}  {mail.status}  {clean(mail.sequence)}/{clean(mail.step)}  to {clean(mail.email or f'person {mail.person}')}"
    known = [
        ("subject", mail.subject),
        ("template", " ".join(filter(None, (mail.template, mail.variant, mail.language)))),
        ("topic", mail.topic),
        ("planned", instant(mail.planned_at)),
        ("due", instant(mail.due_at) if mail.status == MessageStatus.QUEUED else None),
        ("handed over", instant(mail.handed_over_at)),
        ("transport", mail.transport),
        ("worker", mail.worker),
        ("name", mail.name),
        ("attempts", mail.attempts),
        ("reason", mail.reason),
        ("detail", mail.detail),
    ]
    yield from aligned(row for row in known if row[1] not in (None, ""))
    yield from aligned(("heard", instant(each.at), each.name, each.source, each.detail) for each in mail.heard)

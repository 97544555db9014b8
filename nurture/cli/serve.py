"""The processes, one command each, as a process manager starts them; and `nurture db`."""

from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.common import load_settings
from nurture.errors import SettingsError

if TYPE_CHECKING:
    from nurture.settings import Settings

_QUEUES = "events,sequences,mail,handoff"


def web(
    port: Annotated[int | None, typer.Option(help="Port to listen on (8000).", show_default=False)] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (127.0.0.1).", show_default=False)] = None,
) -> None:
    """Run one web process."""
    from nurture.web.process import web_app
    from nurture.web.server import run

    settings = _load("web", port=port, host=host)
    run(web_app(settings), settings)


def worker(
    queues: Annotated[str, typer.Option(help="The queues it serves, with commas between.")] = _QUEUES,
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Tasks it runs at a time, each in a process of its own.")] = 2,
) -> None:
    """Run a Celery worker."""
    from workers.run import run_worker

    names = [name.strip() for name in queues.split(",") if name.strip()]
    unknown = set(names) - set(_QUEUES.split(","))
    if unknown or not names:
        raise typer.BadParameter(f"choose from {_QUEUES}", param_hint="--queues")
    raise typer.Exit(run_worker(_load(f"worker {','.join(names)}"), names, concurrency))


def beat() -> None:
    """Run Celery beat, which wakes the workers regularly."""
    from workers.run import run_beat

    run_beat(_load("beat"))


def _load(process: str, **given: object) -> "Settings":
    """The settings of a process of the engine, if it can work with the schema; what it warns of is shown by `nurture top`, too."""
    from nurture.adapters.warnings import keep_warnings
    from nurture.bootstrap import require_schema

    settings = load_settings(**given)
    keep_warnings(settings.redis, process, tuple(settings.secret_values))
    require_schema(settings)
    return settings


def mailbox(port: Annotated[int, typer.Option(help="Port to listen on.")]) -> None:
    """Run the development mailbox, which keeps every mail and delivers none."""
    from nurture.adapters.mail.mailbox import run_mailbox

    settings = load_settings()
    if settings.production:
        raise SettingsError("in production mail is delivered, not kept; set NURTURE_SMTP_URL")
    run_mailbox("127.0.0.1", port, settings.mail_folder)


db = typer.Typer(help="Look after the database.", no_args_is_help=True)


@db.callback()
def _db() -> None:
    pass  # keeps `upgrade` a command of its own while it is the only one


@db.command()
def upgrade(
    contract: Annotated[
        bool, typer.Option("--contract", help="Also take away what only older versions use; refused while one of them runs.")
    ] = False,
) -> None:
    """Bring the database to the schema of this version; the version before goes on working beside it."""
    from nurture.bootstrap import contract_database, upgrade_database

    settings = load_settings()
    if contract:
        contract_database(settings)
    elif (waits := upgrade_database(settings)) is not None:
        typer.echo(f"the migration {waits} waits: run `nurture db upgrade --contract` when all processes are of this version")

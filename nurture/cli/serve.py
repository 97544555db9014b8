"""The processes, one command each, as a process manager starts them; and `nurture db`."""

from typing import Annotated

import typer

from nurture.cli.common import load_settings

_QUEUES = "events,sequences,mail,handoff"


def web(
    port: Annotated[int | None, typer.Option(help="Port to listen on (8000).", show_default=False)] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (127.0.0.1).", show_default=False)] = None,
) -> None:
    """Run one web process."""
    import uvicorn

    from nurture.bootstrap import require_schema
    from nurture.web.process import web_app

    settings = load_settings(port=port, host=host)
    require_schema(settings)
    uvicorn.run(
        web_app(settings), host=settings.host, port=settings.port, loop="uvloop", http="httptools",
        # Addresses stand in URLs and IP addresses are personal data; counters say what an access log would.
        access_log=False, log_config=None, server_header=False,
        # What was accepted is written within milliseconds; who holds a connection open longer is cut off.
        timeout_graceful_shutdown=5,
    )  # fmt: skip


def worker(
    queues: Annotated[str, typer.Option(help="The queues it serves, with commas between.")] = _QUEUES,
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Tasks it runs at a time, each in a process of its own.")] = 2,
) -> None:
    """Run a Celery worker."""
    from nurture.bootstrap import require_schema
    from workers.run import run_worker

    names = [name.strip() for name in queues.split(",") if name.strip()]
    unknown = set(names) - set(_QUEUES.split(","))
    if unknown or not names:
        raise typer.BadParameter(f"choose from {_QUEUES}", param_hint="--queues")
    settings = load_settings()
    require_schema(settings)
    raise typer.Exit(run_worker(settings, names, concurrency))


def beat() -> None:
    """Run Celery beat, which wakes the workers regularly."""
    from nurture.bootstrap import require_schema
    from workers.run import run_beat

    settings = load_settings()
    require_schema(settings)
    run_beat(settings)


def mailbox(port: Annotated[int, typer.Option(help="Port to listen on.")]) -> None:
    """Run the development mailbox, which keeps every mail and delivers none."""
    from nurture.adapters.mail.mailbox import run_mailbox

    run_mailbox("127.0.0.1", port, load_settings().mail_folder)


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

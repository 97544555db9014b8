"""The command line, `nurture …`.

A command's module imports what it works with inside its functions, so that `nurture --help` answers at once.
"""

import gc
import sys
from typing import Final

import typer

from nurture.cli import (
    alarms,
    brakes,
    cases,
    dead,
    definitions,
    demo,
    doctor,
    draining,
    enroll,
    events,
    forget,
    handoff,
    holding,
    hooks,
    identity,
    keys,
    leads,
    logs,
    mail,
    messages,
    metrics,
    openapi,
    person,
    person_data,
    preview,
    rebuild,
    releases,
    report,
    rescore,
    score,
    serve,
    shown,
    simulate,
    spend,
    status,
    suppressions,
    top,
    trace,
    transfer,
    up,
    verify,
    wait,
)
from nurture.cli.printing import harmless
from nurture.errors import NurtureError

app = typer.Typer(
    name="nurture",
    help="A lead nurturing engine: events in, scores and stages kept, e-mail sequences out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # importing Rich for a box around the help would take as long as everything else
    pretty_exceptions_enable=False,  # its tracebacks show local variables: personal data and secrets
)
app.command(name="up")(up.up)
app.command(name="web")(serve.web)
app.command(name="worker")(serve.worker)
app.command(name="beat")(serve.beat)
app.command(name="mailbox", hidden=True)(serve.mailbox)
app.command(name="demo")(demo.demo)
app.command(name="check")(definitions.check)
app.command(name="apply")(definitions.apply)
app.command(name="plan")(releases.plan)
app.command(name="migrate")(releases.migrate)
app.command(name="rollback")(releases.rollback)
app.command(name="releases")(releases.releases)
app.command(name="pause")(holding.pause)
app.command(name="resume")(holding.resume)
app.command(name="drain")(draining.drain)
app.command(name="holds")(holding.holds)
app.command(name="schema")(definitions.schema)
app.command(name="openapi")(openapi.openapi)
app.command(name="test")(cases.try_cases)
app.command(name="preview")(preview.preview)
app.command(name="simulate")(simulate.simulate)
app.command(name="settings")(shown.settings)
app.command(name="status")(status.status)
app.command(name="wait")(wait.wait)
app.command(name="doctor")(doctor.doctor)
app.command(name="metrics")(metrics.metrics)
app.command(name="top")(top.top)
app.command(name="verify")(verify.verify)
person.app.command(name="enroll")(enroll.enroll)
person.app.command(name="merge")(identity.merge)
person.app.command(name="unmerge")(identity.unmerge)
app.command(name="forget")(forget.forget)
person.app.command(name="export")(person_data.export)
person.app.command(name="erase")(person_data.erase)
app.command(name="rescore")(rescore.rescore)
app.command(name="logs")(logs.logs)
app.command(name="trace")(trace.trace)
app.add_typer(person.app, name="person")
report.app.command()(rebuild.rebuild)
app.add_typer(leads.app, name="leads")
app.add_typer(report.app, name="report")
app.add_typer(score.app, name="score")
app.add_typer(events.app, name="events")
app.add_typer(dead.app, name="dead")
app.add_typer(handoff.app, name="handoff")
transfer.import_.command("spend")(spend.import_spend)
app.add_typer(transfer.import_, name="import")
app.add_typer(transfer.export, name="export")
app.add_typer(messages.app, name="messages")
app.add_typer(suppressions.app, name="suppressions")
app.add_typer(mail.app, name="mail")
app.add_typer(brakes.app, name="brakes")
app.add_typer(alarms.app, name="alarms")
app.add_typer(hooks.app, name="hooks")
app.add_typer(keys.app, name="keys")
app.add_typer(serve.db, name="db")


#: After how many new objects garbage is looked for (`gc.set_threshold`). What a command loads stays, and so do the events of a batch until
#: they are written; Python's own 700 would walk through them again and again, for a tenth of the time of a short command.
_GARBAGE: Final = (20_000, 10, 10)


def run() -> None:
    """Run the command line. What the engine refuses is told without a traceback, with exit code 2."""
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
    try:
        app(prog_name="nurture")
    except NurtureError as error:
        sys.stderr.write(f"nurture: {harmless(str(error))}\n")
        sys.exit(2)


if __name__ == "__main__":
    run()

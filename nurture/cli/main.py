"""The command line, `nurture …`.

A command's module imports what it works with inside its functions, so that `nurture --help` answers at once.
"""

import gc
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_group

from nurture.cli.printing import harmless
from nurture.errors import NurtureError

#: What may follow `nurture`, in the order of the help: the module of this package, and the function or the group in it.
COMMANDS: Final = {
    "up": "up.up",
    "web": "serve.web",
    "worker": "serve.worker",
    "beat": "serve.beat",
    "mailbox": "serve.mailbox",
    "demo": "demo.demo",
    "check": "definitions.check",
    "apply": "definitions.apply",
    "plan": "releases.plan",
    "migrate": "releases.migrate",
    "rollback": "releases.rollback",
    "releases": "releases.releases",
    "pause": "holding.pause",
    "resume": "holding.resume",
    "drain": "draining.drain",
    "holds": "holding.holds",
    "schema": "definitions.schema",
    "openapi": "openapi.openapi",
    "test": "cases.try_cases",
    "preview": "preview.preview",
    "simulate": "simulate.simulate",
    "settings": "shown.settings",
    "status": "status.status",
    "wait": "wait.wait",
    "doctor": "doctor.doctor",
    "metrics": "metrics.metrics",
    "top": "top.top",
    "verify": "verify.verify",
    "forget": "forget.forget",
    "rescore": "rescore.rescore",
    "logs": "logs.logs",
    "trace": "trace.trace",
    "person": "person.app",
    "leads": "leads.app",
    "report": "report.app",
    "score": "score.app",
    "events": "events.app",
    "dead": "dead.app",
    "handoff": "handoff.app",
    "import": "transfer.import_",
    "export": "transfer.export",
    "messages": "messages.app",
    "suppressions": "suppressions.app",
    "mail": "mail.app",
    "brakes": "brakes.app",
    "alarms": "alarms.app",
    "hooks": "hooks.app",
    "keys": "keys.app",
    "db": "serve.db",
}

#: Commands of groups that live in modules of their own.
ADDED: Final = {
    "person": {
        "enroll": "enroll.enroll",
        "merge": "identity.merge",
        "unmerge": "identity.unmerge",
        "export": "person_data.export",
        "erase": "person_data.erase",
    },
    "report": {"rebuild": "rebuild.rebuild"},
    "import": {"suppressions": "suppressions.import_suppressions", "spend": "spend.import_spend"},
    "export": {"suppressions": "suppressions.export_suppressions"},
}

#: For processes of ours, not for people.
HIDDEN: Final = {"mailbox"}


class Loading(Mapping[str, Any]):
    """All commands. A command's module is loaded when somebody asks for it: none waits for all the others."""

    def __getitem__(self, name: str) -> Any:
        return command(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Nurture(TyperGroup):
    """What Typer calls."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self.commands: Any = Loading()


@cache
def command(name: str) -> Any:
    """A command, or a group of them, as Typer runs it; raises KeyError."""
    alone, found = _typer(), _named(COMMANDS[name])
    if isinstance(found, typer.Typer):
        for each, where in ADDED.get(name, {}).items():
            found.command(name=each)(_named(where))
        alone.add_typer(found, name=name)
    else:
        alone.command(name=name, hidden=name in HIDDEN)(found)
    return get_group(alone).commands[name]


def _named(where: str) -> typer.Typer | Callable[..., None]:
    module, name = where.split(".")
    found: typer.Typer | Callable[..., None] = getattr(import_module(f"nurture.cli.{module}"), name)
    return found


def _typer(**more: Any) -> typer.Typer:
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,  # importing Rich for a box around the help would take as long as everything else
        pretty_exceptions_enable=False,  # its tracebacks show local variables: personal data and secrets
        **more,
    )


app = _typer(
    name="nurture", cls=Nurture, no_args_is_help=True,
    help="A lead nurturing engine: events in, scores and stages kept, e-mail sequences out.",
)  # fmt: skip
# Without a command of its own, Typer takes only what has a callback for a group.
app.callback()(lambda: None)


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

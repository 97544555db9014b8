"""What commands share."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from nurture.settings import Settings


def load_settings(**given: object) -> "Settings":
    """The settings, with options of the command line before the environment; sets up this process's logging."""
    from nurture.observability import configure_logging
    from nurture.settings import Settings, variable

    options = {variable(name): str(value) for name, value in given.items() if value is not None}
    settings = Settings.load({**os.environ, **options})
    configure_logging(settings.log_format, settings.log_level, secrets=settings.secret_values)
    return settings


def operator() -> str | None:
    """Who gives this command, as the operating system calls them; whoever became root is told by their own name."""
    import getpass

    try:
        return (os.environ.get("SUDO_USER") or getpass.getuser())[:64]
    except (KeyError, OSError):  # a container may run under a number that nobody has given a name
        return f"uid {os.getuid()}"


Since = Annotated[
    str | None, typer.Option(help="Only what is not older than this: 2026-03-01, an instant, or a length such as 30d.")
]


def since_when(since: str | None, at: "datetime", option: str = "--since") -> "datetime | None":
    """The instant that an option such as `--since` names: a date, an instant, or a length of time before now."""
    from datetime import UTC, datetime

    from nurture.domain.duration import parse_duration

    if since is None:
        return None
    try:
        found = datetime.fromisoformat(since)
    except ValueError:
        try:
            return at - parse_duration(since)
        except ValueError:
            raise typer.BadParameter("write 2026-03-01, an instant, or a length such as 30d", param_hint=option) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)

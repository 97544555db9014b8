"""What commands share."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nurture.settings import Settings


def load_settings(**given: object) -> "Settings":
    """The settings, with options of the command line before the environment; sets up this process's logging."""
    from nurture.observability import configure_logging
    from nurture.settings import Settings, variable

    options = {variable(name): str(value) for name, value in given.items() if value is not None}
    settings = Settings.load({**os.environ, **options})
    configure_logging(settings.log_format, settings.log_level, secrets=settings.secret_values)
    return settings

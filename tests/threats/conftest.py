"""What is attacked: the web process over HTTP, and the command line on a real installation."""

from tests.cli.conftest import _logging_as_before, alone, config, environment, installation, nurture
from tests.web.conftest import _shared_web, web

__all__ = ["_logging_as_before", "_shared_web", "alone", "config", "environment", "installation", "nurture", "web"]

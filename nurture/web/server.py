"""How uvicorn serves the application."""

import logging
import resource
import sys
from contextlib import suppress
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

from nurture.bootstrap import settle_down
from nurture.settings import Settings
from nurture.web.connections import guarded

#: As uvicorn's own command ends then.
_COULD_NOT_BEGIN: Final = 3

#: Files that a web process has open beside its connections: Redis, the database, the journal, assets that are being sent.
_OTHER_FILES: Final = 200


class _Quiet(logging.Filter):
    """Leaves out the lines that anybody can make us write by sending nonsense: as many as they like, and nobody must act."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR or record.msg not in _NONSENSE


#: uvicorn's words for bytes that are no request, and for a wish to change the protocol.
_NONSENSE: Final = frozenset({"Invalid HTTP request received.", "Unsupported upgrade request."})
_QUIET: Final = _Quiet()


def config_of(app: ASGIApp, settings: Settings, **other: Any) -> uvicorn.Config:
    """What every web process is served with; `other` takes precedence."""
    options: dict[str, Any] = {
        "host": settings.host, "port": settings.port, "loop": "uvloop", "http": guarded(settings), "ws": "none", "lifespan": "on",
        # Addresses stand in URLs and IP addresses are personal data; counters say what an access log would.
        "access_log": False, "log_config": None, "server_header": False,
        # What was accepted is written within milliseconds; who holds a connection open longer is cut off.
        "timeout_graceful_shutdown": 5,
        "proxy_headers": True, "forwarded_allow_ips": settings.trusted_proxies,
    }  # fmt: skip
    logging.getLogger("uvicorn.error").addFilter(_QUIET)  # a second time adds nothing
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of each byte of a form that it cannot read
    return uvicorn.Config(app, **{**options, **other})


def run(app: ASGIApp, settings: Settings) -> None:
    """Serve until a signal asks to stop. A process that could not begin ends with another exit code."""
    server = uvicorn.Server(config_of(app, _with_room(settings)))
    settle_down()
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(_COULD_NOT_BEGIN)


def _with_room(settings: Settings) -> Settings:
    """See that as many files may be open as connections; where the system does not let us, settings with fewer connections.

    A process that may not open another file can neither serve nor refuse who comes.
    """
    wanted = settings.max_connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft < wanted:
        return settings.model_copy(update={"max_connections": max(1, soft - _OTHER_FILES)})
    return settings

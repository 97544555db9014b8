"""Logs without personal data, the same in every process.

A log line is an event name and fields. Last before it is written, everything in it is masked: e-mail addresses, the
installation's own secrets, passwords in URLs, and fields whose name says that they hold a secret.
"""

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from typing import IO, Any, Final

import structlog
from structlog.typing import EventDict, Processor

_ADDRESS: Final = re.compile(
    r"""
    # A quoted local part (RFC 5321 §4.1.2), or anything that is no delimiter. It is looked for where it may begin only, and a
    # quoted one no further than one may reach: the search would else begin anew at each letter of a long text.
    ( "(?:[^"\\\s]|\\.){1,128}" | (?<![^\s<>()\[\],;:"\\])[^\s<>()\[\],;:"\\]+ )
    ( @ | %40 )                                        # plain, or as in a URL
    ( \[ [^\]\s]+ \]                                   # an address literal
    | (?: [\w-]+ \. )+ [\w-]{2,} )                     # a name with a dot; `worker@host` is no address
    """,
    re.VERBOSE | re.IGNORECASE,
)
_URL_PASSWORD: Final = re.compile(r"(?<=://)[^\s/@:]*:[^\s/]*@")  # to the last @: a password may hold one by mistake
_SECRET_FIELD: Final = re.compile(r"pass(word|wd|phrase)|secret|token|authorization|cookie|api_?key|signature", re.IGNORECASE)
_ADDRESS_FIELD: Final = re.compile(r"^(e_?mail|address|recipient|rcpt|mail_from)$", re.IGNORECASE)
_PLAIN: Final = (bool, int, float, type(None))


class Mask:
    """A structlog processor that hides addresses, secrets and what terminals obey anywhere in an event, however deep."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted((secret for secret in secrets if len(secret) >= 4), key=len, reverse=True)  # noqa: PLR2004  # shorter would blot out words

    def __call__(self, _logger: Any, _method: str, event: EventDict) -> EventDict:
        return {self.text(str(name)): self._field(str(name), value) for name, value in event.items()}

    def text(self, text: str) -> str:
        """The text with addresses, passwords in URLs and known secrets hidden."""
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return _harmless(_ADDRESS.sub("[e-mail]", _URL_PASSWORD.sub("[secret]@", text)))

    def _field(self, name: str, value: Any) -> Any:
        if value is None or name.startswith("_"):  # structlog's own: the record and the like, removed before rendering
            return value
        if _SECRET_FIELD.search(name):
            return "[secret]"
        return "[e-mail]" if _ADDRESS_FIELD.match(name) else self._value(value)

    def _value(self, value: Any) -> Any:
        if isinstance(value, _PLAIN):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return self.text(value.decode(errors="replace"))
        if isinstance(value, Mapping):
            return {self.text(str(name)): self._field(str(name), inner) for name, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value(inner) for inner in value]
        return self.text(str(value))


def _harmless(text: str) -> str:
    """The text without what a terminal would obey; its lines stay."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in "\n\t" else "\ufffd" for each in text)


def _indented(_logger: Any, _method: str, line: Any) -> Any:
    """A log line whose further lines, if a value or a traceback has any, cannot be taken for lines of their own."""
    return line.replace("\n", "\n    ")


def _renderer(form: str, *, colours: bool) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    plain = structlog.dev.plain_traceback  # a rich traceback shows local variables: personal data
    return structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain, pad_event_to=0, pad_level=False)


#: Loggers that tell every task, tick or request at INFO: their warnings matter, the rest drowns what does.
_CHATTY: Final = (
    "celery.app.trace", "celery.beat", "celery.worker.request", "celery.worker.strategy", "kombu", "amqp", "asyncio", "httpx", "httpcore", "mail.log",
    "alembic", "uvicorn.access", "uvicorn.error",
)  # fmt: skip


def configure_logging(
    form: str = "text", level: str = "info", *, secrets: Iterable[str] = (), stream: IO[str] | None = None
) -> None:
    """Send the log lines of this process, structlog's and those of every library, to `stream` (default: standard error).

    `form` is `text` or `json`, `level` the least level written, `secrets` values never to be written.
    """
    stream = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            Mask(secrets),
            _renderer(form, colours=stream.isatty()),
            _indented,
        ],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )

"""What a shape makes of what is told: pure functions from the payload to requests, with templates in a sandbox."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from html import escape as html_escape
from typing import Any, Final
from urllib.parse import quote

from jinja2 import ChainableUndefined, TemplateError, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from nurture.domain.telling.shapes import Request, Shape, Wanted

_VALUE, _IF = "$value", "$if"


class CannotBeShaped(ValueError):
    """The shape makes nothing of this that may be sent; says why."""


def _for_slack(said: str) -> str:
    """Slack's three signs; without them nothing is a link or a mention (docs.slack.dev/messaging/formatting-message-text)."""
    return said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_ESCAPES: Final[Mapping[str, Callable[[str], str]]] = {
    "nothing": str,
    "slack": _for_slack,
    "path": lambda said: quote(said, safe=""),
}


def shaped(request: Request, shape: Shape, told: Mapping[str, Any], kept: Mapping[str, Any]) -> Wanted | None:
    """A request of a shape, or None if it is not to be made; `kept` are values of earlier answers.

    Raises CannotBeShaped.
    """
    if request.only_if is not None and not kept.get(request.only_if):
        return None
    if request.unless is not None and kept.get(request.unless):
        return None
    names = {**told, **told.get("data", {}), **kept}
    try:
        path = _text(request.path, "path", names)
        body = _made(request.body, shape.escape, names)
    except TemplateError as error:
        raise CannotBeShaped(f"the shape of this endpoint is wrong: {error}") from error
    written = json.dumps(body, separators=(",", ":"), allow_nan=False).encode() if request.body is not None else None
    if written is not None and len(written) > shape.largest:
        raise CannotBeShaped(f"what the shape makes of it has {len(written)} bytes, more than the {shape.largest} that are taken")
    return Wanted(request.method, path, written)


def mistakes_in(shape: Shape) -> Iterator[str]:
    """The templates of a shape that cannot be read, and why."""
    for request in shape.requests:
        for text, is_expression in [(request.path, False), *_templates(request.body)]:
            try:
                (_expression if is_expression else _template)(text, "nothing")
            except TemplateError as error:
                yield f"{text!r} is no template: {error}"


def _templates(body: Any) -> Iterator[tuple[str, bool]]:
    """Every text of a body, and whether it is an expression alone."""
    if isinstance(body, str):
        yield body, False
    elif isinstance(body, list):
        for item in body:
            yield from _templates(item)
    elif isinstance(body, Mapping):
        for name, value in body.items():
            yield from [(str(value), True)] if name in (_VALUE, _IF) else _templates(value)


def _made(body: Any, escape: str, names: Mapping[str, Any]) -> Any:
    if isinstance(body, str):
        return _text(body, escape, names)
    if isinstance(body, list):
        return [made for item in body if not _is_empty(made := _made(item, escape, names))]
    if isinstance(body, Mapping):
        if _VALUE in body:
            return _value(body[_VALUE], names)
        if _IF in body and not _value(body[_IF], names):
            return None
        rest = {name: _made(value, escape, names) for name, value in body.items() if name != _IF}
        return {name: made for name, made in rest.items() if not _is_empty(made)}
    return body


def _is_empty(made: Any) -> bool:
    return made is None or made == ""


def _text(text: str, escape: str, names: Mapping[str, Any]) -> str:
    return str(_template(text, escape).render(names))


def _value(text: Any, names: Mapping[str, Any]) -> Any:
    found = _expression(str(text), "nothing")(**names)
    return None if isinstance(found, Undefined) else found


@lru_cache(maxsize=1_000)
def _template(text: str, escape: str) -> Any:
    return _environment(escape).from_string(text)


@lru_cache(maxsize=1_000)
def _expression(text: str, escape: str) -> Any:
    return _environment(escape).compile_expression(text, undefined_to_none=True)


@lru_cache
def _environment(escape: str) -> ImmutableSandboxedEnvironment:
    """Every value that is filled in is escaped, whatever the template says; what is not known is nothing."""
    made = _ESCAPES[escape]

    def written(value: Any) -> str:
        return "" if value is None or isinstance(value, Undefined) else made(str(value))

    environment = ImmutableSandboxedEnvironment(
        undefined=ChainableUndefined, finalize=written, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.clear()
    environment.filters = {name: environment.filters[name] for name in _FILTERS} | {"limit": _limit, "html": _for_html}
    return environment


#: What templates may do to a value beside cutting it; nothing that takes long or much room.
_FILTERS: Final = ("default", "join", "length", "lower", "upper", "first", "last", "round", "select", "string")


def _for_html(value: Any) -> str:
    return "" if value is None or isinstance(value, Undefined) else html_escape(str(value))


def _limit(value: Any, longest: int) -> str:
    """A text cut to a number of characters, on one line."""
    said = " ".join(str("" if value is None or isinstance(value, Undefined) else value).split())
    return said if len(said) <= longest else f"{said[: longest - 1]}…"

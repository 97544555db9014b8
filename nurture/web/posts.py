"""What a browser or a script posts to a form: any of four encodings become one mapping of fields."""

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.datastructures import FormData, Headers
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from nurture.web.bodies import parse_json, read_body
from nurture.web.refusals import Refusal, invalid

POST_BYTES: Final = 64 * 1024
MOST_FIELDS: Final = 200

#: A field's value: as typed, or the list of what was given under one name several times.
Value = str | int | float | bool | list[str | int | float | bool]
Fields = Mapping[str, Value]


async def read_fields(request: Request) -> dict[str, Value]:
    """The fields of a post in their order, texts without surrounding space, empty ones left out.

    Takes urlencoded, multipart without files, and JSON, also as text/plain. Raises Refusal: 400 for what cannot be read, 413
    for too much, 415 for another type, 422 for a value that is no value of a form; and what `read_body` refuses.
    """
    body = await read_body(request.scope, dict(request.scope["headers"]), request.receive, POST_BYTES)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded" or (not kind and not body):
        pairs = _urlencoded(body)
    elif kind == "multipart/form-data":
        pairs = await _multipart(request.headers, body)
    elif kind in ("application/json", "text/plain"):
        pairs = _from_json(body)
    else:
        raise Refusal(415, "content_type", "a form is posted as urlencoded, multipart or JSON")
    if len(pairs) > MOST_FIELDS:
        raise _too_many()
    return _gathered(pairs)


def _too_many() -> Refusal:
    return Refusal(413, "too_many_fields", f"a form has at most {MOST_FIELDS} fields")


def _urlencoded(body: bytes) -> list[tuple[str, Any]]:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except UnicodeError:
        raise _not_utf8() from None
    except ValueError:
        raise _too_many() from None


def _not_utf8() -> Refusal:
    return Refusal(400, "malformed", "this form is not UTF-8; declare UTF-8 as the charset of its page")


async def _multipart(headers: Headers, body: bytes) -> list[tuple[str, Any]]:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    # Files are let in as far as the parser so that the refusal can name the field; the body is small already.
    parser = MultiPartParser(headers, stream(), max_files=MOST_FIELDS, max_fields=MOST_FIELDS, max_part_size=POST_BYTES)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if error.message.startswith("Too many"):
            raise _too_many() from None
        raise Refusal(400, "malformed", f"this is no multipart form: {error.message}") from None
    try:
        pairs = list(_texts(form))
    finally:
        await form.close()
    try:
        body.decode()  # the parser would read anything else as Latin-1
    except UnicodeError:
        raise _not_utf8() from None
    return pairs


def _texts(form: FormData) -> Iterator[tuple[str, str]]:
    for name, value in form.multi_items():
        if isinstance(value, str):
            yield name, value
        elif value.filename or value.size:  # a browser sends a file without a name for a file that was not chosen
            raise invalid("file", "files are not taken", name)


def _from_json(body: bytes) -> list[tuple[str, Any]]:
    raw = parse_json(body)
    if not isinstance(raw, dict):
        raise invalid("type", "a form is a JSON object of fields")
    for name, value in raw.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict | list):
                raise invalid("type", "a field holds a text, a number, true or false, or a list of these", name)
    return list(raw.items())


def _gathered(pairs: list[tuple[str, Any]]) -> dict[str, Value]:
    """Each name once; several values under one name become a list."""
    gathered: dict[str, list[Any]] = {}
    for name, value in pairs:
        values = value if isinstance(value, list) else [value]
        kept = [each.strip() if isinstance(each, str) else each for each in values]
        gathered.setdefault(name.strip(), []).extend(each for each in kept if each not in ("", None))
    return {name: values[0] if len(values) == 1 else values for name, values in gathered.items() if name and values}


def canonical(fields: Mapping[str, Any]) -> str:
    """Equal for equal fields, in whatever order they came."""
    return json.dumps(fields, sort_keys=True)

"""The description of the HTTP interface (OpenAPI 3.1): one table of routes, and schemas out of the models that read and answer."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response

from nurture import __version__
from nurture.domain.event import NAME_OF_KIND, Kind
from nurture.web import answers
from nurture.web.collect import BATCH_EVENTS, BATCH_PATHS, KINDS_BY_PATH
from nurture.web.wire import Call

JSON: Final = "application/json"
_ADDRESS: Final = "/openapi.json"
_GIF: Final = "image/gif"
_PAGE: Final = "text/html"
_SAID: Final = "#/components/schemas/"

Schema = Mapping[str, Any]


class Answer(NamedTuple):
    """One answer of a route: what it means, and its content by media type (a schema, or a model by which it is named)."""

    says: str
    content: Mapping[str, type[BaseModel] | Schema] = {}


class Operation(NamedTuple):
    """One route: what it is for, what it takes, and all that it answers."""

    method: str
    path: str
    name: str
    summary: str
    tag: str
    answers: Mapping[int, Answer]
    body: Mapping[str, Schema] = {}
    query: Sequence[tuple[str, str, bool]] = ()
    keyed: bool = False


_FILE: Final[Schema] = {"type": "string", "format": "binary"}
_TEXT: Final[Schema] = {"type": "string"}
_ANY_OBJECT: Final[Schema] = {"type": "object", "additionalProperties": True}

_REFUSED: Final[Mapping[int, str]] = {
    400: "Malformed: what, and where",
    401: "No known write key",
    403: "A key in the wrong place: a public one on a page it is not for, a secret one in a browser",
    408: "The body did not come in time",
    413: "Too large",
    415: "A Content-Encoding other than gzip",
    422: "Readable, and cannot be: the field is named",
    429: "More than one sender may ask; come again after Retry-After seconds",
    503: "Nothing can take it just now; come again after Retry-After seconds",
}


def _refusals(model: type[BaseModel], *statuses: int) -> dict[int, Answer]:
    return {status: Answer(_REFUSED[status], {JSON: model}) for status in statuses or _REFUSED}


def _pages(*told: tuple[int, str]) -> dict[int, Answer]:
    return {status: Answer(says, {_PAGE: _TEXT}) for status, says in told}


_LATER: Final = (503, "Nothing can take it just now; come again after Retry-After seconds")
_UNKNOWN: Final = (404, "The token was not made here")

_EVENT_ANSWERS: Final = {200: Answer("The event is durable", {JSON: answers.Taken}), **_refusals(answers.Refused)}


def _event_body(kind: Kind | None) -> Schema:
    required = {"track": ["event"], "group": ["groupId"]}.get(kind or "", [])
    return (
        {"allOf": [{"$ref": f"{_SAID}Call"}, {"type": "object", "required": required}]} if required else {"$ref": f"{_SAID}Call"}
    )


def _either(schema: Schema) -> dict[str, Schema]:
    """JSON, which pages send as text/plain to be spared a preflight."""
    return {JSON: schema, "text/plain": schema}


def _events() -> list[Operation]:
    single = [
        Operation(
            "POST", f"/v1/{path}", f"{kind}{'' if path == kind else '_short'}", f"One {kind} call: {NAME_OF_KIND.get(kind, 'what happened')}",
            "events", _EVENT_ANSWERS, _either(_event_body(kind)), keyed=True,
        )
        for path, kind in KINDS_BY_PATH.items()
    ]  # fmt: skip
    refused = {**_refusals(answers.Refused), 400: Answer("Malformed, or no event could be taken", {JSON: {"anyOf": [
        {"$ref": f"{_SAID}Refused"}, {"$ref": f"{_SAID}BatchRefused"}]}})}  # fmt: skip
    taken = {200: Answer("Accepted are durable, rejected are named", {JSON: answers.BatchTaken}), **refused}
    batch = [
        Operation("POST", path, f"batch{number or ''}", "Several calls at once", "events", taken,
                  _either({"$ref": f"{_SAID}Batch"}), keyed=True)
        for number, path in enumerate(BATCH_PATHS)
    ]  # fmt: skip
    pixel = Operation(
        "GET", "/v1/pixel.gif", "pixel", "One call in the address of an image", "events",
        {200: Answer("The event is durable", {_GIF: _FILE}), **_refusals(answers.Refused, 400, 401, 403, 413, 422, 429, 503)},
        query=(("writeKey", "The write key", False), ("d", "The call as base64url JSON", False), ("event", "What happened", False)),
    )  # fmt: skip
    return [*single, *batch, pixel]


_FIELDS: Final[Schema] = {
    "type": "object",
    "additionalProperties": {"anyOf": [{"type": each} for each in ("string", "number", "boolean", "array")]},
}
_FORM_BODY: Final = dict.fromkeys(("application/x-www-form-urlencoded", "multipart/form-data", JSON, "text/plain"), _FIELDS)


def _forms() -> list[Operation]:
    refused = {
        status: Answer(says, {JSON: answers.FormRefused, _PAGE: _TEXT})
        for status, says in {
            400: "Cannot be read", 404: "No such form", 408: _REFUSED[408], 413: "Too large", 415: "Another content type",
            422: "Mistakes, all of them", 429: _REFUSED[429], 503: _REFUSED[503],
        }.items()
    }  # fmt: skip
    refused[503] = Answer(_REFUSED[503], {JSON: {"anyOf": [
        {"$ref": f"{_SAID}FormRefused"}, {"$ref": f"{_SAID}Refused"}]}, _PAGE: _TEXT})  # fmt: skip
    return [
        Operation("POST", "/f/{form}", "form", "Hand over a lead, from a plain form or a script", "forms", {
            200: Answer("For a script: durable", {JSON: answers.FormTaken}), 303: Answer("For a browser: durable, and on it goes"),
            **refused}, _FORM_BODY),
        Operation("GET", "/f/{form}/thanks", "thanks", "Where a browser lands if nothing else was said", "forms",
                  _pages((200, "Thank you"), (404, "No such form"))),
        Operation("GET", "/a/{token}", "download", "An asset, by a signed link", "forms", {
            200: Answer("The file", {"*/*": _FILE}), 206: Answer("A part of it", {"*/*": _FILE}), 416: Answer("No such part", {"*/*": _TEXT}),
            **_pages(_UNKNOWN, (410, "The link is used up"), _LATER), 400: Answer("A Range that is none", {"*/*": _TEXT})}),
    ]  # fmt: skip


def _mails() -> list[Operation]:
    gone = (410, "The link is too old")
    posted = {**_pages((200, "Durable"), _UNKNOWN, _LATER)}
    of_fields = _refusals(answers.Refused, 400, 408, 413, 415, 422)
    return [
        Operation("GET", "/c/{token}", "click", "A link of a mail; its target is inside the token", "mail",
                  {302: Answer("On to the target"), **_pages(_UNKNOWN)}),
        Operation("GET", "/o/{token}.gif", "open", "The image of a mail", "mail", {200: Answer("Always", {_GIF: _FILE})}),
        Operation("GET", "/u/{token}", "unsubscribe_page", "A button; changes nothing", "mail", _pages((200, "A button"), _UNKNOWN)),
        Operation("POST", "/u/{token}", "unsubscribe", "No more mail (RFC 8058), with any body or none", "mail", posted,
                  {"application/x-www-form-urlencoded": _ANY_OBJECT}),
        Operation("GET", "/confirm/{token}", "confirm_page", "What was agreed to, and a button; changes nothing", "mail",
                  _pages((200, "A button"), _UNKNOWN, gone)),
        Operation("POST", "/confirm/{token}", "confirm", "Confirm it", "mail", {**posted, **_pages(gone)}),
        Operation("GET", "/preferences/{token}", "preferences_page", "What somebody receives; changes nothing", "mail",
                  _pages((200, "The page"), _UNKNOWN, _LATER)),
        Operation("POST", "/preferences/{token}", "preferences", "Wish for something else", "mail", {**posted, **of_fields},
                  {"application/x-www-form-urlencoded": _ANY_OBJECT}),
    ]  # fmt: skip


def _machines() -> list[Operation]:
    metrics = Answer("Prometheus text format 0.0.4", {"text/plain": _TEXT})
    return [
        Operation("POST", "/hooks/{source}/{key}", "hook", "A mail provider tells what became of mails", "hooks", {
            200: Answer("Heard, and durable", {JSON: answers.HookTaken}),
            **_refusals(answers.HookRefused, 400, 401, 403, 408, 413, 415, 422), **_refusals(answers.Refused, 503),
        }, {JSON: {"type": ["object", "array"]}}),
        Operation("GET", "/n.js", "snippet", "The script for pages", "files", {
            200: Answer("The script", {"text/javascript": _TEXT}), 304: Answer("Known already")}),
        Operation("GET", _ADDRESS, "description", "This description", "files", {
            200: Answer("OpenAPI 3.1", {JSON: _ANY_OBJECT}), 304: Answer("Known already")}),
        Operation("GET", "/health/live", "live", "Does the process answer", "health", {200: Answer("Yes", {JSON: answers.Live})}),
        Operation("GET", "/health/ready", "ready", "May requests come here now", "health", {
            200: Answer("Yes", {JSON: answers.Ready}), 503: Answer("No, and why", {JSON: answers.Ready})}),
        Operation("GET", "/metrics", "metrics", "What was counted", "health", {200: metrics}),
    ]  # fmt: skip


def _reports() -> list[Operation]:
    closed = (404, "Closed: there is no password; or no such report")
    days = (("from", "The first day, as 2026-03-01", False), ("to", "The last day", False), ("lang", "en or fr", False))
    shown = _pages(
        (200, "The report, at most a minute old"), (401, "A form to log in by"), closed, (422, "No such days"),
        (503, "The figures cannot be read just now"),
    )  # fmt: skip
    posted = {
        303: Answer("On to the reports"), **_pages((401, "Another password, please"), closed),
        429: Answer("Too many tries; come again after Retry-After seconds", {_PAGE: _TEXT}),
        **_refusals(answers.Refused, 400, 403, 408, 413, 415, 422, 503),
    }  # fmt: skip
    fields: Schema = {"type": "object", "required": ["password"], "properties": {"password": _TEXT, "next": _TEXT}}
    return [
        Operation("GET", "/report", "overview", "The overview, behind a log-in", "reports", shown, query=days),
        Operation("GET", "/report/{name}", "report", "A report, behind a log-in", "reports", shown, query=days),
        Operation("POST", "/report/log-in", "log_in", "Begin a session, from the page's own form", "reports", posted,
                  {"application/x-www-form-urlencoded": fields}),
        Operation("POST", "/report/log-out", "log_out", "End the session", "reports", {
            303: Answer("To the log-in"), **_refusals(answers.Refused, 403)}),
    ]  # fmt: skip


def operations() -> list[Operation]:
    """Every route of the interface."""
    return [*_events(), *_forms(), *_mails(), *_reports(), *_machines()]


@cache
def description() -> dict[str, Any]:
    """The description as a JSON object."""
    paths: dict[str, dict[str, Any]] = {}
    for each in operations():
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "nurture",
            "version": __version__,
            "summary": "Events and forms in, mail out.",
            "description": "docs/http.md tells it with examples. Every answer to a POST with events or a form comes after they are durable.",
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": "The write key as the user name"},
                "bearer": {"type": "http", "scheme": "bearer", "description": "The write key"},
            },
        },
    }


def _operation(each: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": each.name, "summary": each.summary, "tags": [each.tag],
        "responses": {str(status): _response(answer, status) for status, answer in sorted(each.answers.items())},
    }  # fmt: skip
    parameters = [
        {"name": part.partition("}")[0], "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for part in each.path.split("{")[1:]
    ]
    parameters += [
        {"name": name, "in": "query", "required": required, "description": says, "schema": _TEXT}
        for name, says, required in each.query
    ]
    if parameters:
        told["parameters"] = parameters
    if each.body:
        told["requestBody"] = {"content": {kind: {"schema": schema} for kind, schema in each.body.items()}}
    if each.keyed:
        told["security"] = [{"basic": []}, {"bearer": []}, {}]  # or in the body, as writeKey
    return told


def _response(answer: Answer, status: int) -> dict[str, Any]:
    told: dict[str, Any] = {"description": answer.says}
    if answer.content:
        told["content"] = {
            kind: {"schema": shape if isinstance(shape, Mapping) else {"$ref": f"{_SAID}{shape.__name__}"}}
            for kind, shape in answer.content.items()
        }
    if status in (429, 503):
        told["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer", "minimum": 1}}}
    return told


_ANSWERS: Final[Sequence[type[BaseModel]]] = (
    answers.Refused, answers.Taken, answers.BatchTaken, answers.BatchRefused, answers.FormTaken, answers.FormRefused,
    answers.HookTaken, answers.HookRefused, answers.Live, answers.Ready,
)  # fmt: skip


def _schemas() -> dict[str, Any]:
    template = f"{_SAID}{{model}}"
    _, told = models_json_schema([(each, "validation") for each in _ANSWERS], ref_template=template)
    call = TypeAdapter(Call).json_schema(ref_template=template)
    inner = call.pop("$defs", {})
    call["properties"]["writeKey"] = {"type": "string", "description": "The write key, unless Authorization has it"}
    batch = {
        "type": "object",
        "required": ["batch"],
        "properties": {
            "batch": {"type": "array", "maxItems": BATCH_EVENTS, "items": {"$ref": f"{_SAID}Call"}},
            "writeKey": call["properties"]["writeKey"],
        },
    }
    return {"Call": call, "Batch": batch, **inner, **told["$defs"]}


class Description:
    """The endpoint. It is written once and kept by whoever asks."""

    def __init__(self) -> None:
        self._body = json.dumps(description(), separators=(",", ":")).encode()
        self._headers = {"cache-control": "public, max-age=3600", "etag": f'"{sha256(self._body).hexdigest()[:16]}"'}

    async def show(self, request: Request) -> Response:
        """The description, or 304 for whoever has it already."""
        if request.headers.get("if-none-match") == self._headers["etag"]:
            return Response(status_code=304, headers=self._headers)
        return Response(self._body, media_type=JSON, headers=self._headers)

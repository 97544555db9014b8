"""`POST /hooks/{source}/{key}`: a mail provider tells what became of mails, a CRM what sales answers about leads.

The key in the address is a first door, closed to whoever was not told it; then the provider's own signature or secret decides.
2xx means that all of it is durable. Telling the same again does no harm: an event is known by its id at the provider.
"""

import asyncio
from hashlib import blake2b
from http import HTTPStatus
from typing import Final

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nurture.adapters.hooks.base import Access, HookRefused, Post
from nurture.adapters.hooks.sns import certificates
from nurture.adapters.hooks.taking import ADAPTERS, Told, is_key_of, read_post
from nurture.adapters.redis_keys import hook_token
from nurture.domain.answering import as_event
from nurture.domain.mail.feedback import ways_of
from nurture.domain.mail.hooks import Hook, tolerance_of
from nurture.errors import Unavailable
from nurture.web.bodies import parse_json, read_body
from nurture.web.counters import Counters
from nurture.web.parts import WebParts
from nurture.web.refusals import Refusal, unavailable

_log = structlog.get_logger(__name__)

#: Batches of the largest provider are smaller.
HOOK_BYTES: Final = 8 * 1024 * 1024

#: What an answer says of what could not be read.
_MOST_TOLD: Final = 20


class Hooks:
    """The endpoint."""

    def __init__(self, parts: WebParts, counters: Counters) -> None:
        self._parts = parts
        self._counters = counters
        self._secrets = parts.settings.secrets_of_hooks
        self._certificate = certificates(parts.visit)

    async def take(self, request: Request) -> Response:
        """Write down what is told. 401 or 403 for whoever is not the provider, 400 for what cannot be read, 413, 503."""
        name: str = request.path_params["source"]
        try:
            hook = self._hook(name, request.path_params["key"])
            told = await self._told(request, name, hook)
            await self._write(told)
        except (Refusal, HookRefused) as refusal:
            return self._refused(name, refusal)
        except Unavailable as error:
            self._counters.add("web_unavailable")
            _log.warning("a hook must come again", source=name, reason=str(error))
            return unavailable(error)
        return self._answer(name, told)

    def _hook(self, name: str, key: str) -> Hook:
        hook = self._parts.definitions().hooks.sources.get(name)
        right = is_key_of(self._parts.tokens, name, hook.edition if hook else 1, key)
        if not right or hook is None:
            raise Refusal(403, "unknown_hook", "there is no such hook, or its key is another; `nurture hooks list` prints it")
        return hook

    async def _told(self, request: Request, name: str, hook: Hook) -> Told:
        secrets = self._secrets.get(hook.secret, ()) if hook.secret else ()
        if hook.secret and not secrets:
            raise Unavailable(f"there is no secret {hook.secret!r} here; add it to NURTURE_HOOK_SECRETS, and start again")
        body = await read_body(request.scope, dict(request.scope["headers"]), request.receive, HOOK_BYTES)
        post = Post(dict(request.headers), body, parse_json(body), self._parts.clock.now())
        url = f"{self._parts.settings.public_url}{request.url.path}"
        access = Access(hook, secrets, self._certificate, self._parts.visit, url)
        adapter = ADAPTERS[hook.provider]
        # In a thread: a large batch takes a while, and a certificate may have to be fetched.
        token = await run_in_threadpool(adapter.check, post, access)
        if token is not None:
            await self._came_with_this_body_only(name, hook, token, body)
        if adapter.answer is not None:
            await run_in_threadpool(adapter.answer, post, access)
        return await run_in_threadpool(read_post, name, hook, post, self._parts.tokens)

    async def _came_with_this_body_only(self, name: str, hook: Hook, token: str, body: bytes) -> None:
        """A signature that covers no body was seen by whoever saw it once, and could be put before another body."""
        key = hook_token(self._parts.tokens.hashed("hook token", f"{name} {token}"))
        bodies = await self._parts.writer.tally(key, blake2b(body, digest_size=16).hexdigest(), 2 * tolerance_of(hook))
        if bodies > 1:
            raise Refusal(403, "replayed", "this signature came before, with another body")

    async def _write(self, told: Told) -> None:
        """Return when all is durable. Whoever says no at their provider is not mailed any more either, whatever waits in the stream."""
        now = self._parts.clock.now()
        writer, ways = self._parts.writer, ways_of(told.heard, now)
        if told.answered:
            await writer.write([as_event(each, now) for each in told.answered])
        await asyncio.gather(
            *(writer.write_ahead(event, way) for event, way in ways.ahead),
            *(writer.write(events, way) for way, events in ways.behind.items()),
        )

    def _answer(self, name: str, told: Told) -> Response:
        new = sorted({each.word for each in told.passed_over if not each.known})
        counts = {
            "taken": told.taken,
            "passed_over": len(told.passed_over),
            "rejected": len(told.rejected),
        }
        for came_to, count in counts.items():
            if count:
                self._counters.add("web_hooks", count, source=name, came_to=came_to)
        if new:
            self._counters.add("web_hooks", len(new), source=name, came_to="unknown_word")
            _log.info("a hook says what is not known", source=name, words=new[:_MOST_TOLD])
        if told.rejected:
            _log.warning("a hook tells what cannot be read", source=name, first=told.rejected[0], count=len(told.rejected))
        rejected = [each._asdict() for each in told.rejected[:_MOST_TOLD]]
        if rejected and not told.taken and not told.passed_over:
            return JSONResponse({"success": False, "code": "nothing_acceptable", **counts, "rejected": rejected}, 400)
        return JSONResponse({"success": True, **counts, "unknown": new[:_MOST_TOLD], "rejected": rejected})

    def _refused(self, name: str, refusal: Refusal | HookRefused) -> Response:
        """An answer that says what was wrong, and where; it is counted by source only where that is one of ours."""
        known = name if name in self._parts.definitions().hooks.sources else ""
        self._counters.add("web_hooks", source=known, came_to="refused")
        _log.warning("a hook is refused", source=known, status=refusal.status, code=refusal.code, field=refusal.field)
        place = {} if refusal.field is None else {"field": refusal.field}
        headers = refusal.headers() if isinstance(refusal, Refusal) else {}
        if refusal.status == HTTPStatus.UNAUTHORIZED:
            headers["www-authenticate"] = 'Basic realm="hook"'
        told = {"success": False, "code": refusal.code, **place, "message": refusal.message}
        return JSONResponse(told, refusal.status, headers)

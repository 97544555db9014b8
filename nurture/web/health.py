"""For machines: is the process alive, may it be sent requests, what has it counted."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from nurture import metrics
from nurture.adapters.journal import standing
from nurture.web.counters import Counters
from nurture.web.parts import WebParts


class Health:
    """The endpoints."""

    def __init__(self, parts: WebParts, counters: Counters) -> None:
        self._parts = parts
        self._counters = counters

    async def live(self, _request: Request) -> Response:
        """200 while the process answers at all; asks nobody else, so that a Redis outage does not restart it."""
        return JSONResponse({"live": True})

    async def ready(self, _request: Request) -> Response:
        """200, or 503 with the reasons why no requests should come here now.

        While Redis is away and the journal has room, requests may come; the reason is told all the same.
        """
        writer = self._parts.writer
        # Who knows it already does not wait for Redis: a load balancer would take the silence for a no. Where Redis is and what it
        # said stands in the log; here anybody may ask.
        away = None if writer.away is None else ["Redis is away; what comes is kept in the journal, as long as it has room"]
        reasons = list(await run_in_threadpool(self._parts.ready)) if away is None else away
        ready = not reasons or writer.has_room
        return JSONResponse({"ready": ready, "reasons": reasons}, 200 if ready else 503)

    async def metrics(self, _request: Request) -> Response:
        """Prometheus text format 0.0.4: what all processes count together, then what this one has counted since its start."""
        shared = await run_in_threadpool(self._parts.metrics)
        waiting = await run_in_threadpool(standing, self._parts.settings.journal_folder)
        gauges = {"journal_events": waiting.events, "journal_bytes": waiting.bytes}
        text = shared + metrics.text({**self._counters.read(), **gauges})
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

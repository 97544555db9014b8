"""The ASGI application: all endpoints put together. It accepts events and never computes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from nurture.errors import Unavailable
from nurture.web.admission import TICKET, Admission
from nurture.web.assets import Assets
from nurture.web.collect import Collect
from nurture.web.confirm import Confirm
from nurture.web.cors import cors
from nurture.web.counters import Counters
from nurture.web.demo_site import DemoSite
from nurture.web.forms import Forms
from nurture.web.health import Health
from nurture.web.hooks import Hooks
from nurture.web.inbox import Inbox
from nurture.web.limits import Limits
from nurture.web.openapi import Description
from nurture.web.pages import Pages
from nurture.web.parts import WebParts
from nurture.web.pixel import Pixel
from nurture.web.preferences import Preferences
from nurture.web.refusals import Refusal, on_refusal, on_unavailable
from nurture.web.reports import Reports
from nurture.web.snippet import Snippet
from nurture.web.tracking import Tracking
from nurture.web.unsubscribe import Unsubscribe

#: Answered however much is under way: whoever watches a process must see it when it is busy.
FOR_MACHINES: Final = ("/health/", "/metrics")


def create_app(parts: WebParts) -> ASGIApp:
    """The application. Its lifespan ends with every accepted event written; raises SettingsError for unusable keys."""
    counters = parts.counters
    limits = Limits(parts.settings, lambda: parts.clock.now().timestamp())
    admission = Admission(parts.settings, counters)
    pages = Pages()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        parts.writer.start()
        yield
        await parts.writer.stop()

    starlette = Starlette(
        routes=[*_routes(parts, pages, counters, limits), *_development_routes(parts, pages)],
        exception_handlers={Refusal: on_refusal, Unavailable: on_unavailable},
        lifespan=lifespan,
    )
    # It would lead to wherever the Host header says, which is whatever the client says. Folders of /demo need it.
    starlette.router.redirect_slashes = not parts.settings.production
    open_to_pages = cors(starlette)
    hot = {path: cors(endpoint) for path, endpoint in Collect(parts, counters, limits).endpoints().items()}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await starlette(scope, receive, send)
            return
        path: str = scope["path"]
        endpoint = hot.get(path)
        carries_events = endpoint is not None
        if endpoint is None:
            if path.startswith(FOR_MACHINES):
                await starlette(scope, receive, send)
                return
            endpoint = open_to_pages if path.startswith(("/f/", "/v1/")) else starlette
        ticket = admission.enter(carries_events=carries_events)
        if ticket is None:
            await admission.refuse(send)
            return
        scope[TICKET] = ticket
        try:
            await endpoint(scope, receive, send)
        finally:
            admission.leave(ticket)

    return app


def paths_served(parts: WebParts) -> set[tuple[str, str]]:
    """Method and path of everything that is there in production, too."""
    counters = Counters()
    limits = Limits(parts.settings, lambda: parts.clock.now().timestamp())
    events = {("POST", path) for path in Collect(parts, counters, limits).endpoints()}
    routes = [each for each in _routes(parts, Pages(), counters, limits) if isinstance(each, Route)]
    return events | {(method, each.path) for each in routes for method in each.methods or () if method != "HEAD"}


def _routes(parts: WebParts, pages: Pages, counters: Counters, limits: Limits) -> list[BaseRoute]:
    forms = Forms(parts, pages, counters, limits)
    tracking = Tracking(parts, pages, counters)
    unsubscribe = Unsubscribe(parts, pages, counters)
    confirm, preferences = Confirm(parts, pages, counters), Preferences(parts, pages, counters, unsubscribe)
    health, reports = Health(parts, counters), Reports(parts, pages)
    return [
        Route("/v1/pixel.gif", Pixel(parts, counters, limits).show),
        Route("/f/{form}", forms.submit, methods=["POST"]),
        Route("/f/{form}/thanks", forms.thanks),
        Route("/a/{token}", Assets(parts, pages, counters).download),
        Route("/c/{token}", tracking.click),
        Route("/o/{token}.gif", tracking.open),
        Route("/u/{token}", unsubscribe.ask),
        Route("/u/{token}", unsubscribe.act, methods=["POST"]),
        Route("/hooks/{source}/{key}", Hooks(parts, counters).take, methods=["POST"]),
        Route("/confirm/{token}", confirm.ask),
        Route("/confirm/{token}", confirm.act, methods=["POST"]),
        Route("/preferences/{token}", preferences.show),
        Route("/preferences/{token}", preferences.act, methods=["POST"]),
        Route("/report", reports.show),
        Route("/report/log-in", reports.log_in, methods=["POST"]),
        Route("/report/log-out", reports.log_out, methods=["POST"]),
        Route("/report/{name}", reports.show),
        Route("/n.js", Snippet().show),
        Route("/openapi.json", Description().show),
        Route("/health/live", health.live),
        Route("/health/ready", health.ready),
        Route("/metrics", health.metrics),
    ]


def _development_routes(parts: WebParts, pages: Pages) -> list[BaseRoute]:
    """What helps while building, and must not be there in production."""
    routes: list[BaseRoute] = []
    if parts.settings.production:
        return routes
    if parts.inbox_dir is not None:
        inbox = Inbox(parts.inbox_dir, pages)
        routes += [
            Route("/inbox", inbox.index),
            Route("/inbox/{name}", inbox.show),
            Route("/inbox/{name}/html", inbox.html),
            Route("/inbox/{name}/raw", inbox.raw),
        ]
    if parts.demo_dir is not None:
        write_key = next((written.key for written in parts.write_keys.values()), "")
        routes.append(Mount("/demo", DemoSite(parts.demo_dir, write_key)))
    return routes

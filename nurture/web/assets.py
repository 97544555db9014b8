"""`GET /a/{token}`: the download of an asset by a signed link that ends after some days or some downloads.

It is this that promotes: the event is durable before the first byte goes out.
"""

from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from nurture.adapters.redis_keys import downloads
from nurture.adapters.tokens import Download
from nurture.domain.content import Asset
from nurture.domain.event import ASSET_DOWNLOADED, Event
from nurture.domain.ids import event_key
from nurture.errors import InvalidToken, Unavailable
from nurture.web.counters import Counters
from nurture.web.pages import Pages
from nurture.web.parts import WebParts
from nurture.web.tracking import once, reader_context

_log = structlog.get_logger(__name__)

_HEADERS: Final = {
    "cache-control": "private, no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}


class Assets:
    """The endpoint of downloads."""

    def __init__(self, parts: WebParts, pages: Pages, counters: Counters) -> None:
        self._parts = parts
        self._pages = pages
        self._counters = counters
        self._root = parts.settings.config_dir.resolve()

    async def download(self, request: Request) -> Response:
        """The file; 404 for a link that is none, 410 for one that is used up. HEAD counts nothing."""
        try:
            grant = self._parts.tokens.read_download(request.path_params["token"])
        except InvalidToken:
            return self._pages.message(request, 404, "link_unknown")
        asset = self._parts.definitions().assets.get(grant.asset)
        if asset is None or self._parts.clock.now() >= grant.expires:
            return self._pages.message(request, 410, "link_used_up")
        file = self._file(grant.asset, asset)
        if file is None:
            return self._pages.message(request, 404, "file_missing")
        if request.method != "HEAD":
            try:
                if not await self._counted(request, grant, asset):
                    return self._pages.message(request, 410, "link_used_up")
            except Unavailable as error:
                self._counters.add("web_unavailable")
                return self._pages.later(request, error)
        return FileResponse(file, filename=file.name, headers=_HEADERS)

    def _file(self, name: str, asset: Asset) -> Path | None:
        """The asset's file; None (and a word to the operator) if it is missing or lies outside the configuration folder."""
        file = (self._root / asset.file.replace("\0", "")).resolve()
        if file.is_relative_to(self._root) and file.is_file():
            return file
        _log.error("asset file missing", asset=name, file=asset.file, remedy="correct `file` in assets.yaml")
        return None

    async def _counted(self, request: Request, grant: Download, asset: Asset) -> bool:
        """Whether the link may be used; if this is a use and no continuation of one, it is counted and told.

        What is fetched again within the minute (a double click, a viewer that asks twice) is the same use.
        """
        at = self._parts.clock.now()
        key = downloads(event_key("download", repr(grant)).hex)
        minute = at.strftime("%Y-%m-%dT%H:%M")
        continues, uses = await self._uses(request, key, minute, grant.expires - at)
        if uses > asset.link.downloads:
            return False
        if continues or (grant.submission is None and grant.person is None):  # nobody: the link of a post in quarantine
            return True
        context = reader_context(request)
        event = Event(
            message_id=once(context, f"{key} {minute}"),
            source="engine",
            name=ASSET_DOWNLOADED,
            occurred_at=at,
            received_at=at,
            submission=grant.submission,
            person=grant.person,
            message=grant.message,
            properties={"asset": grant.asset, "gated": asset.gated},
            context=context,
        )
        await self._parts.writer.write([event], grant.route)
        self._counters.add("web_events")
        return True

    async def _uses(self, request: Request, key: str, minute: str, left: timedelta) -> tuple[bool, int]:
        """Whether a use goes on that was counted, and how many uses there are with this one.

        While Redis is away nobody knows. Whoever was promised the guide gets it, a later part of it counts as going on, and the
        use is counted as soon as that is possible.
        """
        writer, part = self._parts.writer, _continues(request)
        try:
            continues = part and await writer.tally(key, None, left) > 0
            return continues, await writer.tally(key, None if continues else minute, left)
        except Unavailable:
            if not part:
                await writer.mark(key, minute, left)
            return part, 0


def _continues(request: Request) -> bool:
    """Whether only a later part of the file is asked for."""
    asked = request.headers.get("range", "")
    return asked.startswith("bytes=") and not asked.startswith("bytes=0-")

"""`GET /n.js`: the script for landing pages."""

import gzip
from hashlib import sha256
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response


class Snippet:
    """The endpoint. The script is read once and kept packed."""

    def __init__(self) -> None:
        self._plain = (files("nurture.web") / "static" / "n.js").read_bytes()
        self._packed = gzip.compress(self._plain, 9, mtime=0)
        self._headers = {
            "cache-control": "public, max-age=3600",
            "cross-origin-resource-policy": "cross-origin",
            "etag": f'"{sha256(self._plain).hexdigest()[:16]}"',
            "vary": "accept-encoding",
            "x-content-type-options": "nosniff",
        }

    async def show(self, request: Request) -> Response:
        """The script, or 304 for whoever has it already."""
        if request.headers.get("if-none-match") == self._headers["etag"]:
            return Response(status_code=304, headers=self._headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            packed = {**self._headers, "content-encoding": "gzip"}
            return Response(self._packed, media_type="text/javascript", headers=packed)
        return Response(self._plain, media_type="text/javascript", headers=self._headers)

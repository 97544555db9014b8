"""The smallest image: 43 bytes, one transparent pixel."""

from typing import Final

from starlette.responses import Response

PIXEL: Final = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")


def pixel() -> Response:
    """The image, never kept by a cache: each time it is asked for is news."""
    headers = {"cache-control": "no-store", "cross-origin-resource-policy": "cross-origin"}
    return Response(PIXEL, media_type="image/gif", headers=headers)

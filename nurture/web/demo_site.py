"""The landing pages of `/demo/`, in development: templates that are given the write key, and files beside them."""

import os
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import PathLike, StaticFiles
from starlette.types import Scope


class DemoSite(StaticFiles):
    """A folder of pages. What begins with an underscore is part of pages and none itself."""

    def __init__(self, folder: Path, write_key: str) -> None:
        super().__init__(directory=folder, html=True)
        self._root = folder.resolve()
        self._write_key = write_key
        self._templates = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        return ("", None) if Path(path).name.startswith("_") else super().lookup_path(path)

    def file_response(self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200) -> Response:
        file = Path(full_path)
        if file.suffix != ".html":
            return super().file_response(full_path, stat_result, scope, status_code)
        name = file.resolve().relative_to(self._root).as_posix()
        page = self._templates.get_template(name).render(write_key=self._write_key)
        return HTMLResponse(page, status_code, {"cache-control": "no-cache"})

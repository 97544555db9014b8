"""Pages for people: a few Jinja2 templates, escaped, without script, in the reader's language."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from nurture.domain.definitions import Definitions
from nurture.errors import Unavailable
from nurture.web.refusals import retry_after
from nurture.web.words import WORDS, preferred_language

_TEMPLATES: Final = "templates"


def language_of(request: Request) -> str:
    """The language to speak to whoever asks."""
    return preferred_language(request.headers.get("accept-language", ""))


def words_for(request: Request) -> Any:
    """What the pages say, in the language of whoever asks."""
    return WORDS[language_of(request)]


def in_language_of(request: Request, texts: Mapping[str, str], definitions: Definitions) -> str:
    """What the marketer wrote, in the language of whoever asks, else in that of the business, else in any there is."""
    wanted = (language_of(request), definitions.sending.default_language)
    return next((texts[each] for each in wanted if each in texts), next(iter(texts.values())))


class Pages:
    """Renders pages."""

    def __init__(self) -> None:
        loader = PackageLoader("nurture.web", _TEMPLATES)
        self._templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
        self._style = (files("nurture.web") / _TEMPLATES / "_style.css").read_text()
        digest = b64encode(sha256(self._style.encode()).digest()).decode()
        # Nothing may be loaded, run, framed or sent elsewhere; the one style sheet stands in the page.
        self._headers = {
            "content-security-policy": (
                f"default-src 'none'; style-src 'sha256-{digest}'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
                "frame-ancestors 'none'"
            ),
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "x-robots-tag": "noindex",
            "cache-control": "no-store",
            "vary": "accept-language",
        }

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page from a template; `title` is among the values of each."""
        values = {"language": language_of(request), "words": words_for(request), "style": self._style, "back": None, **values}
        content = self._templates.get_template(template).render(values)
        return HTMLResponse(content, status, self._headers)

    def message(self, request: Request, status: int, said: str, **values: Any) -> HTMLResponse:
        """A page with one thing to say: the words `<said>_title` and, below, `<said>_text`."""
        words = words_for(request)
        told = {"title": words[f"{said}_title"], "text": words[f"{said}_text"], **values}
        return self.page(request, "message.html", status, **told)

    def later(self, request: Request, error: Unavailable) -> HTMLResponse:
        """The page for somebody whose request could not be taken just now."""
        response = self.message(request, 503, "later", back=page_before(request))
        response.headers["retry-after"] = retry_after(error)
        return response


def page_before(request: Request) -> str | None:
    """The page from which somebody came, as a link back; only what a link may safely hold."""
    referrer = request.headers.get("referer", "")
    try:
        return referrer if urlsplit(referrer).scheme in ("http", "https") else None
    except ValueError:
        return None

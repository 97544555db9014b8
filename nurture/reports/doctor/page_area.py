"""A landing page: whether the script and its cookie can do there what they are for. The page is fetched, and no script is run."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from html.parser import HTMLParser
from typing import Final, NamedTuple
from urllib.parse import urljoin, urlsplit

import httpx

from nurture.reports.doctor.examining import Check
from nurture.reports.doctor.finding import Book, Code, Finding
from nurture.reports.doctor.patient import Patient
from nurture.settings import Settings

#: The script's name.
_SCRIPT: Final = "/n.js"

#: The visitor's id, as the script and the web process call it.
_COOKIE: Final = "nurture_id"

#: More of a page is not read.
_LONGEST: Final = 2_000_000

_GOOD: Final = 200

BOOK: Final = Book(
    "page",
    {
        "page-away": Code("error", "The page cannot be fetched.", "see that its address is right and that it answers 200"),
        "page-unencrypted": Code(
            "warning",
            "The page is not https: its cookie is not safe, and browsers keep it from calling an https:// address well.",
            "serve the page by https",
        ),
        "script-missing": Code(
            "error",
            "The page does not load the script, so nothing that happens there is heard of.",
            'put <script src="{about}/n.js" data-key="YOUR_WRITE_KEY" defer></script> into it',
        ),
        "script-of-another": Code(
            "warning",
            "The page loads the script from another address than NURTURE_PUBLIC_URL.",
            "let it load {about}/n.js, unless that address leads to the same web process",
        ),
        "script-without-key": Code("error", "The script has no data-key, and so does nothing.", 'add data-key="YOUR_WRITE_KEY"'),
        "script-key-unknown": Code(
            "error",
            "The script has a key that is none of ours: everything that it sends is refused.",
            "name one of the keys that `nurture keys` lists",
            "nurture keys",
        ),
        "script-key-elsewhere": Code(
            "error", "The key is bound to other pages than this one.", "add this page's origin to the key in NURTURE_WRITE_KEYS"
        ),
        "script-secret": Code(
            "error",
            "The page shows a secret key to everybody: whoever finds it writes whatever they like about anybody.",
            "take it out, take it out of NURTURE_SECRET_KEYS, and use a write key",
            "nurture keys new",
        ),
        "csp-blocks-script": Code(
            "error", "The page's Content-Security-Policy keeps the script from being loaded.", "add {about} to script-src"
        ),
        "csp-blocks-sending": Code(
            "error", "The page's Content-Security-Policy keeps the script from sending anything.", "add {about} to connect-src"
        ),
        "consent-not-asked": Code(
            "error",
            "The engine keeps nothing without consent, and the script asks for none, so that nothing of anybody is kept.",
            'add data-consent="required" to the script and call nurture.consent(true) when somebody has agreed',
        ),
        "cookie-unsafe": Code(
            "warning",
            "The page sets the visitor's cookie without Secure, or with a SameSite that sends it nowhere.",
            "set it with `Secure; SameSite=Lax`, or leave it to the script",
        ),
        "cookie-not-ours": Code(
            "note",
            "Page and engine belong to different sites, so that links in mails do not know a browser by its cookie.",
            "let a host below the page's own domain, such as events.example.com, lead to the engine",
        ),
    },
)  # fmt: skip


class Script(NamedTuple):
    """A script of the page that may be ours."""

    src: str
    key: str | None
    consent: str | None


class Page(NamedTuple):
    """What came back: where it lies after all redirects, its policies (each of which must allow), scripts and cookies."""

    url: str
    policies: Sequence[str]
    scripts: Sequence[Script]
    cookies: Sequence[str]


def check_of(url: str) -> Check:
    """The check of one page."""

    def look(patient: Patient) -> Iterator[Finding]:
        try:
            page = fetch(url, patient.patience)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            yield BOOK("page-away", f"{url} cannot be fetched ({type(error).__name__})")
            return
        if isinstance(page, int):
            yield BOOK("page-away", f"{url} answers {page}")
            return
        found = [*judged(page, patient.settings, consent=_must_ask(patient))]
        yield from found or [BOOK.fine(f"{page.url} loads the script, with a key of ours")]

    return Check("page", "the landing page", look, outside=True, patience=2)


def _must_ask(patient: Patient) -> bool:
    return patient.definitions().privacy.consent == "opt_in"


def fetch(url: str, patience: float) -> Page | int:
    """The page, or the status it was answered with; raises httpx.HTTPError."""
    with (
        httpx.Client(timeout=patience, follow_redirects=True, headers={"user-agent": "nurture-doctor"}) as client,
        client.stream("GET", url) as answer,
    ):
        if answer.status_code != _GOOD:
            return answer.status_code
        text = ""
        for part in answer.iter_text():
            text += part
            if len(text) > _LONGEST:
                break
        return page_of(
            str(answer.url), text, answer.headers.get_list("content-security-policy"), answer.headers.get_list("set-cookie")
        )


def page_of(url: str, text: str, policies: Sequence[str], cookies: Sequence[str]) -> Page:
    """A page by its text and the header fields it came with."""
    seen = _Seen()
    seen.feed(text)
    # Several in one field are separated by commas, and each must allow.
    every = [part for policy in (*policies, *seen.policies) for part in policy.split(",")]
    return Page(url, every, [each._replace(src=urljoin(url, each.src)) for each in seen.scripts], cookies)


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[Script] = []
        self.policies: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "script" and urlsplit(said.get("src", "")).path.endswith(_SCRIPT):
            self.scripts.append(Script(said["src"].strip(), said.get("data-key") or None, said.get("data-consent")))
        if tag == "meta" and said.get("http-equiv", "").lower() == "content-security-policy":
            self.policies.append(said.get("content", ""))


def judged(page: Page, settings: Settings, *, consent: bool) -> Iterator[Finding]:
    """What is wrong with a page; `consent` whether nothing may be kept without it."""
    if urlsplit(page.url).scheme != "https":
        yield BOOK("page-unencrypted", f"{page.url} is not https", level=None if settings.production else "note")
    if not page.scripts:
        yield BOOK("script-missing", f"{page.url} does not load the script", settings.public_url)
        return
    script = page.scripts[0]
    yield from _in_script(script, page, settings)
    if consent and script.consent != "required":
        yield BOOK("consent-not-asked", 'privacy.yaml says opt_in, and the script has no data-consent="required"')
    yield from _in_policies(page, script)
    yield from _in_cookies(page, settings)


def _in_script(script: Script, page: Page, settings: Settings) -> Iterator[Finding]:
    if origin(script.src) != origin(settings.public_url):
        yield BOOK("script-of-another", f"the script is loaded from {origin(script.src)}", settings.public_url)
    keys = {each.key: each for each in settings.write_keys.values()}
    if script.key is None:
        yield BOOK("script-without-key", "the script has no data-key")
    elif script.key.startswith("sk_"):
        yield BOOK("script-secret", "the script's data-key is a secret key")
    elif script.key not in keys:
        yield BOOK("script-key-unknown", f"nobody knows the key {script.key[:8]}…")
    else:
        bound = keys[script.key].origins
        if bound is not None and origin(page.url) not in bound:
            yield BOOK("script-key-elsewhere", f"the key is bound to {', '.join(sorted(bound))}; the page is {origin(page.url)}")


def _in_policies(page: Page, script: Script) -> Iterator[Finding]:
    for policy in page.policies:
        said = directives(policy)
        scripts = said.get("script-src-elem", said.get("script-src", said.get("default-src")))
        sends = said.get("connect-src", said.get("default-src"))
        if scripts is not None and not allows(scripts, script.src, page.url):
            yield BOOK("csp-blocks-script", f"script-src is {' '.join(scripts) or 'empty'}", origin(script.src))
        if sends is not None and not allows(sends, script.src, page.url):
            yield BOOK("csp-blocks-sending", f"connect-src is {' '.join(sends) or 'empty'}", origin(script.src))


def _in_cookies(page: Page, settings: Settings) -> Iterator[Finding]:
    for cookie in page.cookies:
        name, _, rest = cookie.partition("=")
        flags = {part.partition("=")[0].strip().lower(): part.partition("=")[2].strip().lower() for part in rest.split(";")[1:]}
        wrong = ("secure" not in flags and page.url.startswith("https:")) or flags.get("samesite") == "strict"
        if name.strip() == _COOKIE and wrong:
            yield BOOK("cookie-unsafe", f"the page sets {_COOKIE} as {'; '.join(sorted(flags)) or 'nothing'}")
    from nurture.adapters.mail.linting.context import same_organisation  # reads a long list, where two hosts differ

    ours, theirs = urlsplit(settings.public_url).hostname or "", urlsplit(page.url).hostname or ""
    if not same_organisation(ours, theirs):
        yield BOOK("cookie-not-ours", f"the page is at {theirs}, the engine at {ours}")


def origin(url: str) -> str:
    """Scheme, host and port, as browsers write them."""
    parts = urlsplit(url)
    port = "" if parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname or ''}{port}"


def directives(policy: str) -> Mapping[str, list[str]]:
    """The directives of a Content-Security-Policy; of one that is written twice the first counts (CSP3 §2.2.1)."""
    said: dict[str, list[str]] = {}
    for part in policy.split(";"):
        name, *sources = part.split()[:1] + part.split()[1:] if part.strip() else [""]
        if name:
            said.setdefault(name.lower(), sources)
    return said


def allows(sources: Collection[str], url: str, page: str) -> bool:
    """Whether a list of sources lets a URL be reached from a page (CSP3 §6.7.2). Nonces and hashes are taken at their word."""
    return any(_matches(source, url, page) for source in sources)


_SOURCE: Final = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<host>\*|(?:\*\.)?[\w.-]+|\[[0-9a-f:]+\])(?::(?P<port>\d+|\*))?(?P<path>/\S*)?",
    re.IGNORECASE,
)


def _matches(source: str, url: str, page: str) -> bool:
    asked, own = urlsplit(url), urlsplit(page)
    lower = source.lower()
    if lower == "'self'":
        return origin(url) == origin(page)
    if lower.startswith(("'nonce-", "'sha", "'strict-dynamic'")):
        return True
    if lower == "*":
        return asked.scheme in ("http", "https")
    if re.fullmatch(r"[a-z][a-z0-9+.-]*:", lower):
        return lower[:-1] == asked.scheme or (lower, asked.scheme) == ("http:", "https")
    found = _SOURCE.fullmatch(source)
    if found is None:
        return False
    scheme = (found["scheme"] or own.scheme).lower()
    fits = asked.scheme == scheme or (scheme, asked.scheme) == ("http", "https")
    host, named = (asked.hostname or "").lower(), found["host"].lower()
    ours = named in ("*", host) or (named.startswith("*.") and host.endswith(named[1:]))
    default = {"http": 80, "https": 443}.get(asked.scheme)
    port = found["port"] == "*" or (asked.port or default) == (int(found["port"]) if found["port"] else default)
    path = found["path"]
    return fits and ours and port and (not path or asked.path == path or (path.endswith("/") and asked.path.startswith(path)))

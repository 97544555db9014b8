"""User agents as they are seen in the wild, and what is thought of those who send them."""

from datetime import timedelta

import pytest

from nurture.adapters.agents import kind_of_agent
from nurture.domain.event import ASSET_DOWNLOADED, EMAIL_CLICKED, EMAIL_OPENED, FORM_SUBMITTED, PAGE_VIEWED
from nurture.domain.verdict import AgentKind, judge
from tests.support.events import MONDAY, event

_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"

BROWSERS = {
    "Firefox": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Chrome": f"{_WINDOWS} {_WEBKIT} Chrome/126.0.0.0 Safari/537.36",
    "Edge": f"{_WINDOWS} {_WEBKIT} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
    "Opera": f"{_WINDOWS} {_WEBKIT} Chrome/124.0.0.0 Safari/537.36 OPR/110.0.0.0",
    "old Opera": "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18",
    "Safari": f"{_MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "iOS": f"{_IPHONE} Version/17.5 Mobile/15E148 Safari/604.1",
    "within Mail on iOS": f"{_IPHONE} Mobile/15E148",
    "within LinkedIn on iOS": f"{_IPHONE} Mobile/15E148 [LinkedInApp]/9.29.5832",
    "Android": f"Mozilla/5.0 (Linux; Android 10; K) {_WEBKIT} Chrome/126.0.0.0 Mobile Safari/537.36",
    "Samsung": f"Mozilla/5.0 (Linux; Android 14; SM-S918B) {_WEBKIT} SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
    "a phone called Cubot": f"Mozilla/5.0 (Linux; Android 9; CUBOT_P30) {_WEBKIT} Chrome/124.0.0.0 Mobile Safari/537.36",
    "Thunderbird": "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunderbird/115.12.0",
    # These look like browsers on purpose; time and what else is opened give them away.
    "Outlook SafeLinks": f"{_WINDOWS} {_WEBKIT} Chrome/79.0.3945.74 Safari/537.36 Edg/79.0.309.43",
    "Apple Mail Privacy Protection": "Mozilla/5.0",
}

PROGRAMS = {
    "curl": "curl/8.5.0",
    "wget": "Wget/1.21.4",
    "python-requests": "python-requests/2.32.3",
    "httpx": "python-httpx/0.27.0",
    "aiohttp": "Python/3.11 aiohttp/3.9.5",
    "Go": "Go-http-client/2.0",
    "axios": "axios/1.7.2",
    "Java": "Java/17.0.2",
    "Node": "node",
    "Ruby": "Ruby",
    "Guzzle": "GuzzleHttp/7",
    "an SDK": "analytics-python/2.3.2",
}

CRAWLERS = {
    "Googlebot": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Bingbot": f"Mozilla/5.0 {_WEBKIT[:-1]}; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0 Safari/537.36",
    "GPTBot": f"Mozilla/5.0 {_WEBKIT[:-1]}; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "ClaudeBot": f"Mozilla/5.0 {_WEBKIT[:-1]}; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
    "PerplexityBot": f"Mozilla/5.0 {_WEBKIT[:-1]}; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)",
    "headless Chrome": f"Mozilla/5.0 (X11; Linux x86_64) {_WEBKIT} HeadlessChrome/126.0.0.0 Safari/537.36",
    "PhantomJS": "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1",
    "Barracuda": "BarracudaSentinel (EE)",
    "Proofpoint": "Mozilla/5.0 (compatible; Proofpoint URL Defense)",
    "Mimecast": "Mimecast-URL-Protect",
    "Symantec": "Mozilla/5.0 (compatible; Symantec Email Security.cloud)",
    "Outlook, before it opens a browser": "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
    "Office, before it opens a browser": "Microsoft Office Existence Discovery",
    "Google's image proxy": "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "Yahoo's image proxy": "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
    "Skype's preview": "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com",
    "Slack's preview": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Facebook's preview": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "LinkedIn's preview": "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
}

KINDS: list[tuple[AgentKind, dict[str, str]]] = [("browser", BROWSERS), ("program", PROGRAMS), ("crawler", CRAWLERS)]

AGENTS = [pytest.param(agent, kind, id=name) for kind, agents in KINDS for name, agent in agents.items()]


@pytest.mark.parametrize(("agent", "kind"), AGENTS)
def test_the_kind_of_an_agent(agent: str, kind: AgentKind) -> None:
    assert kind_of_agent(agent) == kind


#: What is thought of each kind of agent that does a thing, an hour after the mail was sent.
VERDICTS: dict[str, dict[AgentKind, tuple[str, tuple[str, ...]]]] = {
    PAGE_VIEWED: {"browser": ("human", ()), "program": ("human", ()), "crawler": ("machine", ("crawler_user_agent",))},
    FORM_SUBMITTED: {"browser": ("human", ()), "program": ("human", ()), "crawler": ("machine", ("crawler_user_agent",))},
    **{
        name: {
            "browser": ("human", ()),
            "program": ("machine", ("program_user_agent",)),
            "crawler": ("machine", ("crawler_user_agent",)),
        }
        for name in (EMAIL_CLICKED, ASSET_DOWNLOADED)
    },
    EMAIL_OPENED: {
        "browser": ("unknown", ("opens_prove_nothing",)),
        "program": ("machine", ("program_user_agent",)),
        "crawler": ("machine", ("crawler_user_agent",)),
    },
}


@pytest.mark.parametrize("name", VERDICTS)
@pytest.mark.parametrize(("agent", "kind"), AGENTS)
def test_what_is_thought_of_what_they_do(name: str, agent: str, kind: AgentKind) -> None:
    happened = event(name, message=1, context={"userAgent": agent, "method": "GET"})
    assert judge(happened, kind_of_agent, MONDAY - timedelta(hours=1)) == VERDICTS[name][kind]


@pytest.mark.parametrize("agent", BROWSERS.values(), ids=BROWSERS)
@pytest.mark.parametrize("name", [EMAIL_CLICKED, EMAIL_OPENED, ASSET_DOWNLOADED])
@pytest.mark.parametrize(
    ("method", "purpose", "seconds", "reasons"),
    [
        ("HEAD", None, 3600, ("head_request",)),
        ("GET", "prefetch", 3600, ("prefetch",)),
        ("GET", None, 0, ("too_soon_after_sending",)),
        ("GET", None, 4.9, ("too_soon_after_sending",)),
        ("GET", None, -1, ("too_soon_after_sending",)),
        ("HEAD", "prefetch", 1, ("head_request", "prefetch", "too_soon_after_sending")),
    ],
)
def test_what_looks_like_a_browser_is_given_away_by_how_it_asks(
    agent: str, name: str, method: str, purpose: str | None, seconds: float, reasons: tuple[str, ...]
) -> None:
    context = {"userAgent": agent, "method": method} | ({"purpose": purpose} if purpose else {})
    verdict = judge(event(name, message=1, context=context), kind_of_agent, MONDAY - timedelta(seconds=seconds))
    assert verdict == ("machine", reasons)


@pytest.mark.parametrize(("seconds", "kind"), [(5, "human"), (5.001, "human"), (86_400, "human"), (4.999, "machine")])
def test_five_seconds_are_the_fastest_reader(seconds: float, kind: str) -> None:
    clicked = event(EMAIL_CLICKED, message=1, context={"userAgent": BROWSERS["Outlook SafeLinks"]})
    assert judge(clicked, kind_of_agent, MONDAY - timedelta(seconds=seconds)).kind == kind


def test_unsubscribing_is_never_too_soon() -> None:
    """A mail provider posts for its user, in the moment in which the mail arrives if need be (RFC 8058)."""
    assert judge(event("unsubscribed", message=1), kind_of_agent, MONDAY).kind == "human"

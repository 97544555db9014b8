"""User agents as they are seen in the wild."""

import pytest

from nurture.adapters.agents import kind_of_agent

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        (FIREFOX, "browser"),
        (IPHONE, "browser"),
        ("analytics-python/2.3.2", "browser"),
        ("curl/7.88.1", "program"),
        ("python-requests/2.31.0", "program"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "crawler"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0 Safari/537.36", "crawler"),
        ("BarracudaSentinel (EE)", "crawler"),
    ],
)
def test_the_kind_of_an_agent(agent: str, kind: str) -> None:
    assert kind_of_agent(agent) == kind

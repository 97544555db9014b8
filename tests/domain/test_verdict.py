"""Human or machine, as a table."""

from datetime import timedelta

import pytest

from nurture.domain.event import ASSET_DOWNLOADED, EMAIL_CLICKED, EMAIL_OPENED, FORM_SUBMITTED, PAGE_VIEWED
from nurture.domain.verdict import AgentKind, judge
from tests.support.events import MONDAY, event

FIREFOX, CURL, GOOGLEBOT = "Firefox", "curl", "Googlebot"
KINDS: dict[str, AgentKind] = {FIREFOX: "browser", CURL: "program", GOOGLEBOT: "crawler"}


@pytest.mark.parametrize(
    ("name", "context", "seconds_after_sending", "kind", "reasons"),
    [
        (PAGE_VIEWED, {"userAgent": FIREFOX}, None, "human", ()),
        (PAGE_VIEWED, {}, None, "human", ()),
        (PAGE_VIEWED, {"userAgent": GOOGLEBOT}, None, "machine", ("crawler_user_agent",)),
        (PAGE_VIEWED, {"userAgent": FIREFOX, "purpose": "prefetch"}, None, "machine", ("prefetch",)),
        (FORM_SUBMITTED, {"userAgent": CURL}, None, "human", ()),
        (ASSET_DOWNLOADED, {"userAgent": CURL}, None, "machine", ("program_user_agent",)),
        (EMAIL_CLICKED, {"userAgent": FIREFOX}, 3600, "human", ()),
        (EMAIL_CLICKED, {"userAgent": FIREFOX}, 2, "machine", ("too_soon_after_sending",)),
        (EMAIL_CLICKED, {"userAgent": FIREFOX, "method": "HEAD"}, 3600, "machine", ("head_request",)),
        (EMAIL_CLICKED, {}, 3600, "machine", ("no_user_agent",)),
        (EMAIL_OPENED, {"userAgent": FIREFOX}, 3600, "unknown", ("opens_prove_nothing",)),
    ],
)
def test_the_verdict_on_one_event(
    name: str, context: dict[str, str], seconds_after_sending: int | None, kind: str, reasons: tuple[str, ...]
) -> None:
    sent_at = None if seconds_after_sending is None else MONDAY - timedelta(seconds=seconds_after_sending)
    verdict = judge(event(name, context=context), lambda agent: KINDS[agent], sent_at)
    assert (verdict.kind, verdict.reasons) == (kind, reasons)

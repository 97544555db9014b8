"""The whole engine shows at /report what happened on its pages, and behind a log-in where there is a password."""

import re
from datetime import timedelta

import httpx
import pytest
from pydantic import SecretStr

from nurture.adapters.clock import set_shift
from nurture.reports.catalogue import REPORTS
from tests.acceptance.conftest import Start
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

PASSWORD = "tall hat, 3 birds"
BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


def visitors(client: httpx.Client) -> str:
    """What the overview says of today's visitors."""
    shown = client.get("/report?lang=en")
    assert shown.status_code == 200
    found = re.search(r'<th scope="row" class="words">Visitors</th><td class="figure">([\d,]+)', shown.text)
    assert found is not None
    return found[1]


def test_what_happened_stands_in_the_reports_a_minute_later(start: Start) -> None:
    with start(report_password=SecretStr(PASSWORD)) as engine:
        settings = engine.settings
        assert settings.clock_file is not None
        base = settings.public_url
        with httpx.Client(base_url=base, headers=BROWSER, timeout=30) as client:
            assert client.get("/report").status_code == 401
            assert client.post("/report/log-in", data={"password": PASSWORD}).status_code == 303
            assert [client.get(f"/report/{name}").status_code for name in REPORTS] == [200] * len(REPORTS)
            assert visitors(client) == "0"
            for device in ("ana", "ben"):
                key = next(iter(settings.write_keys.values())).key
                call = {"writeKey": key, "anonymousId": f"device-{device}", "context": {"page": {"path": "/blog/a"}}}
                assert client.post("/v1/page", json=call).status_code == 200
            passed = [0]

            def minutes_later() -> bool:
                passed[0] += 2
                set_shift(settings.clock_file, timedelta(minutes=passed[0]).total_seconds())  # type: ignore[arg-type]  # asserted above
                return visitors(client) == "2"

            wait_until(minutes_later, 60, every=0.5, what="both visitors to stand in the overview")

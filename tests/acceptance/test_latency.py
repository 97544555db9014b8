"""How long a lead waits for the mail: idle engine, real clock."""

import time

import pytest
from pydantic import SecretStr

from tests.acceptance.conftest import Start
from tests.acceptance.visitor import ask_for_guide
from tests.support.smtp import SmtpSink

pytestmark = pytest.mark.engine

SECONDS = 2.0


def test_the_mail_is_there_within_two_seconds_of_the_form(start: Start, smtp_sink: SmtpSink) -> None:
    """From the first byte of the form post to the mail server's acceptance, for each of several leads, the very first included."""
    with start(smtp_url=SecretStr(smtp_sink.url), clock_file=None) as engine:
        waited = []
        for number in range(1, 6):
            began = time.perf_counter()
            ask_for_guide(engine, f"lead-{number}@patient.example.com")
            smtp_sink.wait_for(number, 30)
            waited.append(time.perf_counter() - began)
    assert max(waited) < SECONDS, f"seconds from form to mail: {', '.join(f'{each:.2f}' for each in waited)}"

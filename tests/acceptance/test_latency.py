"""How long a lead waits for the mail: idle engine, real clock."""

import time

import pytest
from pydantic import SecretStr

from tests.acceptance.conftest import Start
from tests.acceptance.visitor import ask_for_guide
from tests.support.smtp import SmtpSink

pytestmark = pytest.mark.engine

SECONDS = 2.0

#: What else the machine does just then may slow one engine down; one that is slow by itself is so each time.
ENGINES = 3


def test_the_mail_is_there_within_two_seconds_of_the_form(start: Start, smtp_sink: SmtpSink) -> None:
    """From the first byte of the form post to the mail server's acceptance, for each of several leads, the very first included."""
    told = []
    for _ in range(ENGINES):
        waited = _waited(start, smtp_sink)
        if max(waited) < SECONDS:
            return
        told.append(", ".join(f"{each:.2f}" for each in waited))
    pytest.fail(f"seconds from form to mail, by engine: {'; '.join(told)}")


def _waited(start: Start, sink: SmtpSink) -> list[float]:
    """Seconds for each of five leads of an engine that has just been started."""
    waited = []
    with start(smtp_url=SecretStr(sink.url), clock_file=None) as engine:
        for _ in range(5):
            number = len(sink.mails) + 1
            began = time.perf_counter()
            ask_for_guide(engine, f"lead-{number}@patient.example.com")
            sink.wait_for(number, 30)
            waited.append(time.perf_counter() - began)
    return waited

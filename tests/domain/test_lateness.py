"""When a mail is late, and how that is written."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from nurture.domain.lateness import POLICIES, Late, LateField

LATE: TypeAdapter[Late] = TypeAdapter(LateField)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_alone_is_written_as_a_word(policy: str) -> None:
    late = LATE.validate_python(policy)
    assert (late.then, late.after) == (policy, None)
    assert LATE.dump_python(late) == policy


@pytest.mark.parametrize("written", [{"then": "send", "after": "2h"}, {"then": "skip", "after": "30m"}])
def test_a_policy_with_its_own_measure(written: Any) -> None:
    late = LATE.validate_python(written)
    assert LATE.dump_python(late) == written
    assert LATE.validate_json(LATE.dump_json(late)) == late


@pytest.mark.parametrize(
    ("own", "delay", "late"),
    [
        (None, DAY, False),  # exactly too late is not yet late
        (None, DAY + timedelta(microseconds=1), True),
        ("2h", timedelta(hours=2), False),
        ("2h", timedelta(hours=3), True),
        ("3d", timedelta(days=2), False),  # its own measure counts, also where it is longer
    ],
)
def test_from_when_on_a_mail_is_late(own: str | None, delay: timedelta, late: bool) -> None:
    policy = LATE.validate_python({"then": "skip", **({"after": own} if own else {})})
    assert policy.is_late(NOON, NOON + delay, DAY) is late

"""Whose fault a refusal is."""

import pytest

from nurture.domain.mail.faults import Fault, read_refusal


@pytest.mark.parametrize(
    ("code", "text", "enhanced", "fault", "permanent"),
    [
        (550, "5.1.1 no such user", "5.1.1", Fault.ADDRESS, True),
        (552, "5.2.2 mailbox full", "5.2.2", Fault.MAILBOX, True),
        (452, "4.2.2 over quota", "4.2.2", Fault.MAILBOX, False),
        (552, "5.3.4 too big", "5.3.4", Fault.MESSAGE, True),
        (550, "5.7.26 unauthenticated", "5.7.26", Fault.POLICY, True),
        (421, "4.7.0 try again later", "4.7.0", Fault.POLICY, False),
        (550, "no", None, Fault.UNKNOWN, True),
        (550, "5.1.1.9 is listed; see 192.5.1.1", None, Fault.UNKNOWN, True),
        (550, "sorry, no mailbox here by that name. (#5.1.1)", "5.1.1", Fault.ADDRESS, True),
        (451, "what 5.1.1 means is told elsewhere", None, Fault.UNKNOWN, False),
    ],
)
def test_a_reply_tells_whose_fault_it_is(code: int, text: str, enhanced: str | None, fault: Fault, *, permanent: bool) -> None:
    refusal = read_refusal(code, text)
    assert (refusal.enhanced, refusal.fault, refusal.permanent) == (enhanced, fault, permanent)

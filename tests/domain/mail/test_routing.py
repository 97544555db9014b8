"""Which way a mail would rather go, and what it passes through there."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nurture.domain.mail.rates import Rate
from nurture.domain.mail.routing import RecipientPolicy, TransportPolicy, preferred, recipient_lanes, transport_lanes

weights = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10), min_size=1)


@given(st.integers(0, 2**63 - 1), weights)
def test_every_transport_is_a_way_and_reserves_come_last(message: int, given_: dict[str, int]) -> None:
    order = preferred(message, given_)
    assert sorted(order) == sorted(given_)
    assert order == preferred(message, dict(reversed(given_.items())))
    reserves = [given_[name] == 0 for name in order]
    assert reserves == sorted(reserves)


@given(st.integers(0, 2**63 - 1), weights, st.data())
def test_when_one_is_away_all_other_mail_goes_as_it_did(message: int, given_: dict[str, int], data: st.DataObject) -> None:
    away = data.draw(st.sampled_from(sorted(given_)))
    others = {name: weight for name, weight in given_.items() if name != away}
    assert preferred(message, others) == [name for name in preferred(message, given_) if name != away]


def test_each_has_its_share() -> None:
    first = Counter(preferred(message, {"big": 3, "small": 1, "reserve": 0})[0] for message in range(4000))
    assert first.keys() == {"big", "small"}
    assert 2900 < first["big"] < 3100


def test_what_a_mail_passes_through() -> None:
    second, day = Rate(mails=14), Rate(mails=50_000, per=timedelta(days=1))
    policy = TransportPolicy(rate=(second, day))
    assert [each.name for each in transport_lanes("relay", policy, None)] == ["transport:relay:1", "transport:relay:86400"]
    assert [each.name for each in transport_lanes("relay", TransportPolicy(), 200)] == ["warm-up:relay:day"]
    recipients = {"gmail": RecipientPolicy(rate=(second,)), "acme.com": RecipientPolicy(rate=(second,))}
    assert [each.name for each in recipient_lanes("acme.com", "gmail", recipients)] == [
        "recipients:gmail:1",
        "recipients:acme.com:1",
    ]
    assert [each.name for each in recipient_lanes("other.com", "gmail", recipients)] == ["recipients:gmail:1"]
    assert recipient_lanes("other.com", "other.com", recipients) == []


def test_one_rate_is_written_as_it_is_and_several_as_a_list() -> None:
    one = TransportPolicy.model_validate({"rate": {"mails": 50, "per": "1s"}})
    several = TransportPolicy.model_validate({"rate": [{"mails": 50, "per": "1s"}, {"mails": 1000, "per": "1h"}]})
    assert (len(one.rate), len(several.rate)) == (1, 2)
    with pytest.raises(ValidationError):
        TransportPolicy.model_validate({"rate": 50})

"""What is handed off to whom."""

from typing import Any

import pytest
from pydantic import ValidationError

from nurture.domain.handing_off import Endpoint, Handoff, deliveries_of


def endpoint(**changed: Any) -> Endpoint:
    return Endpoint.model_validate({"url": "https://crm.example.com/hooks", "stages": ["mql"], "secret": "crm"} | changed)


def test_every_endpoint_of_the_stage_gets_its_own_delivery_with_an_id_of_its_own() -> None:
    handoff = Handoff(
        endpoints={"crm": endpoint(stages=["mql", "sql"]), "chat": endpoint(), "shop": endpoint(stages=["customer"])}
    )
    first, again = list(deliveries_of(5, "mql", handoff)), list(deliveries_of(5, "mql", handoff))
    assert [each.endpoint for each in first] == ["crm", "chat"]
    assert first == again
    assert len({each.id for change in (5, 6) for each in deliveries_of(change, "mql", handoff)}) == 4
    assert list(deliveries_of(5, "lead", handoff)) == []
    assert list(deliveries_of(5, "mql", Handoff())) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"url": "ftp://crm.example.com"}, "match pattern"),
        ({"url": "crm.example.com/hooks"}, "match pattern"),
        ({"url": "https://crm.example.com:99999/hooks"}, "names no host that can be called"),
        ({"url": "https://[::1/hooks"}, "names no host that can be called"),
        ({"url": "https://me:hunter2@crm.example.com/"}, "must hold no password"),
        ({"secret": "whsec_c2VjcmV0"}, "this is the secret itself"),
        ({"secret": "no name"}, "match pattern"),
        ({"retries": 3}, "Extra inputs"),
    ],
)  # fmt: skip
def test_an_endpoint_that_cannot_be_called_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        endpoint(**changed)

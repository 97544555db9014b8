"""The page about rates shows what can be written so, and names families that there are."""

import re
from pathlib import Path

from ruamel.yaml import YAML

from nurture.domain.mail.families import FAMILIES
from nurture.domain.mail.sending import SendingPolicy
from tests.support.definitions import SENDING

PAGE = (Path(__file__).parents[2] / "docs" / "rates.md").read_text(encoding="utf-8")


def test_its_example_is_in_order() -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    policy = SendingPolicy.model_validate(SENDING | YAML(typ="safe").load(example))
    assert list(policy.transports) == ["default", "relay", "reserve"]
    assert list(policy.recipients) == ["gmail", "acme.com"]


def test_the_families_that_it_names_are_there() -> None:
    [listed] = re.findall(r"Families have names such as (.*?);", PAGE, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", listed)) <= FAMILIES

"""The domains and the key that the header of mails names: each slip, its place marked by `»`, and what is said about it."""

from pathlib import Path

import pytest

from nurture.definitions.config import Installation
from nurture.definitions.loader import load
from tests.definitions.folders import FILES, marked, told, write

NO_KEY = (
    "warning: there is no key 's.pem' here, without which no mail goes; `nurture keys dkim --selector s` makes one where the "
    "workers run"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bounce_domain: »bounces.example.org\n",
         "'bounces.example.org' does not belong to the sender's domain, so SPF counts for nobody; write a host below example.com"),
        ("dkim: {domain: »example.org, selector: s, key: s.pem}\n",
         "a signature by 'example.org' does not count for mail from example.com; write example.com"),
        ("tracking: {opens: »individual}\n",
         "nobody can agree to it, so no open is ever told; write the wording of 'open-tracking' into consents.yaml"),
        ("dkim: {domain: example.com, selector: »s}\n", NO_KEY),
        ("dkim: {domain: mail.example.com, selector: other, key: »s.pem}\n", NO_KEY.replace("selector s`", "selector other`")),
    ],
)  # fmt: skip
def test_each_slip_is_named_at_its_place(tmp_path: Path, text: str, message: str) -> None:
    sending, expected = marked("sending.yaml", FILES["sending.yaml"] + text, message)
    found = told(write(tmp_path, sending=sending))
    assert [each for each in found if expected[0].text == each.text] == expected


def test_nothing_is_said_of_what_fits(tmp_path: Path) -> None:
    text = "bounce_domain: bounces.example.com\ndkim: {domain: example.com, selector: s}\ntracking: {opens: individual}\n"
    consents = "purposes:\n  open-tracking: {version: '1', wording: {en: See whether I open your mails}}\n"
    folder = write(tmp_path, sending=FILES["sending.yaml"] + text, consents=consents)
    assert load(folder, installation=Installation(dkim_keys=frozenset({"s.pem"}))).mistakes == []

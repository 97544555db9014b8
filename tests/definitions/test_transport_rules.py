"""Mistakes about the ways mail goes are told with their place."""

import shutil
from pathlib import Path

import pytest

from nurture.definitions.config import Installation
from nurture.definitions.loader import Loaded, load

EXAMPLE = Path(__file__).parents[2] / "config"
TWO = Installation(transports=frozenset({"default", "relay"}))


def loaded(tmp_path: Path, written: str, installation: Installation = TWO) -> Loaded:
    """The example configuration with these sections in place of its transports and recipients."""
    folder = tmp_path / "config"
    shutil.copytree(EXAMPLE, folder)
    sending = folder / "sending.yaml"
    kept = sending.read_text().partition("transports:\n")[0]
    sending.write_text(f"{kept}{written}\n")
    return load(folder, installation=installation)


def told(found: Loaded) -> list[str]:
    return [str(mistake).partition(": ")[2] for mistake in found.mistakes]


def test_what_is_in_order_takes_effect(tmp_path: Path) -> None:
    written = (
        "transports:\n"
        "  default: {rate: {mails: 50, per: 1s}}\n"
        "  relay: {weight: 0, rate: [{mails: 14, per: 1s}, {mails: 50000, per: 1d}], warm_up: {start: 100}}\n"
        "recipients: {gmail: {rate: {mails: 5, per: 1s}}, acme.com: {rate: {mails: 1, per: 1m}}}"
    )
    found = loaded(tmp_path, written)
    assert told(found) == []
    assert found.definitions is not None
    assert [len(each.rate) for each in found.definitions.sending.transports.values()] == [1, 2]


@pytest.mark.parametrize(
    ("written", "mistake"),
    [
        ("transports: {other: {}}", "transport 'other' has no URL here, so no mail goes by it; set NURTURE_SMTP_URL_OTHER"),
        ("transports: {default: {weight: 0}}", "every transport is in reserve (weight: 0); give one of them a weight"),
        ("transports: {Default: {}}", "String should match pattern"),
        ("transports: {default: {rate: {mails: 50}, wait: 3}}", "unknown key 'wait'; did you mean 'weight'?"),
        ("transports: {default: {rate: {mails: 50, per: 0s}}}", "a rate is counted over 1s to 31d"),
        ("recipients: {gmial: {rate: {mails: 5}}}", "unknown family of recipients 'gmial'; did you mean 'gmail'?"),
        ("recipients: {Acme.com: {rate: {mails: 5}}}", "unknown family of recipients 'Acme.com'"),
    ],
)
def test_what_is_not_is_told(written: str, mistake: str, tmp_path: Path) -> None:
    assert [each for each in told(loaded(tmp_path, written)) if mistake in each]


def test_in_production_a_transport_without_url_is_an_error(tmp_path: Path) -> None:
    nowhere = Installation(production=True, transports=frozenset())
    [mistake] = loaded(tmp_path, "transports: {default: {}}", nowhere).errors
    assert "set NURTURE_SMTP_URL where" in str(mistake)

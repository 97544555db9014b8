"""Whose servers take a domain's mail."""

import pytest

from nurture.domain.mail.families import FAMILIES, family_by_name, family_by_servers


@pytest.mark.parametrize(
    ("servers", "family"),
    [
        (["ASPMX.L.GOOGLE.COM."], "gmail"),
        (["alt1.aspmx.l.google.com."], "gmail"),
        (["acme-com.mail.protection.outlook.com."], "microsoft"),
        (["acme-com.a-v1.mx.microsoft."], "microsoft"),
        (["mta5.am0.yahoodns.net."], "yahoo"),
        (["mx01.mail.icloud.com."], "apple"),
        (["mx1.mail.ovh.net."], "ovh"),
        (["spool.mail.gandi.net."], "gandi"),
        (["mx00.ionos.fr."], "ionos"),
        (["mxa-00123.gslb.pphosted.com."], "proofpoint"),
        (["mail.acme.com."], "acme.com"),
        (["mail.notgoogle.com."], "acme.com"),
        (["mail.acme.com.", "aspmx.l.google.com."], "gmail"),
        (["."], "acme.com"),
        ([], "acme.com"),
    ],
)
def test_a_family_is_told_by_the_end_of_the_servers_name(servers: list[str], family: str) -> None:
    assert family_by_servers("acme.com", servers) == family


@pytest.mark.parametrize(
    ("domain", "family"),
    [
        ("gmail.com", "gmail"), ("hotmail.fr", "microsoft"), ("wanadoo.fr", "orange"), ("acme.test", "acme.test"),
        ("example.com", "example.com"), ("localhost", "localhost"), ("acme.com", None),
    ],
)  # fmt: skip
def test_well_known_domains_are_not_asked_for(domain: str, family: str | None) -> None:
    assert family_by_name(domain) == family


def test_families_cannot_be_taken_for_domains() -> None:
    assert not [family for family in FAMILIES if "." in family]

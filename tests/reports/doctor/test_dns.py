"""What receivers look for in the DNS, held against zones that are written down here."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from nurture.adapters.mail.signing import make_key, public_record, read_key
from nurture.domain.mail.marks import Dkim
from nurture.reports.doctor.dns_area import (
    Domains,
    judge_dkim,
    judge_dmarc,
    judge_mx,
    judge_ptr,
    judge_spf,
    own_record,
)
from nurture.reports.doctor.dns_records import dkim_keys, dmarc_records, follow_spf, spf_records, tags
from nurture.reports.doctor.finding import Finding

SENDER = Domains("acme-widgets.fr", "bounces.acme-widgets.fr")


def codes(found: Sequence[Finding] | object) -> list[str]:
    assert isinstance(found, list)
    return [each.code for each in found]


def spf_of(zone: Mapping[str, Sequence[str]]) -> list[Finding]:
    return list(judge_spf("a.fr", follow_spf("a.fr", lambda name: zone.get(name, []))))


TEN = " ".join(f"a:h{number}.fr" for number in range(10))


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ({}, ["spf-missing"]),
        ({"a.fr": ["google-site-verification=x"]}, ["spf-missing"]),
        ({"a.fr": ["v=spf10 -all"]}, ["spf-missing"]),
        ({"a.fr": ["v=spf1 ip4:192.0.2.0/24 -all"]}, ["fine"]),
        ({"a.fr": ["V=SPF1 IP6:2001:db8::/32 ~ALL"]}, ["fine"]),
        ({"a.fr": ["v=spf1 mx ~all", "v=spf1 -all"]}, ["spf-several"]),
        ({"a.fr": ["v=spf1 +all"]}, ["spf-open"]),
        ({"a.fr": ["v=spf1 all"]}, ["spf-open"]),
        ({"a.fr": ["v=spf1 mx ?all"]}, ["spf-neutral"]),
        ({"a.fr": ["v=spf1 mx"]}, ["spf-neutral"]),
        ({"a.fr": ["v=spf1 mxx -all"]}, ["spf-broken"]),
        ({"a.fr": ["v=spf1 include:relay.net -all"]}, ["spf-broken"]),
        ({"a.fr": ["v=spf1 include:relay.net -all"], "relay.net": ["v=spf1 ip4:192.0.2.1 -all"]}, ["fine"]),
        ({"a.fr": ["v=spf1 include:b.fr -all"], "b.fr": ["v=spf1 include:a.fr -all"]}, ["spf-broken"]),
        ({"a.fr": ["v=spf1 redirect=b.fr"], "b.fr": ["v=spf1 mx -all"]}, ["fine"]),
        ({"a.fr": ["v=spf1 redirect=b.fr"]}, ["spf-broken"]),
        ({"a.fr": [f"v=spf1 {TEN} -all"]}, ["fine"]),
        ({"a.fr": [f"v=spf1 {TEN} mx -all"]}, ["spf-too-long"]),
        ({"a.fr": ["v=spf1 include:b.fr mx -all"], "b.fr": [f"v=spf1 {TEN} -all"]}, ["spf-too-long"]),
        ({"a.fr": ["v=spf1 exists:%{i}.list.fr include:%{d}.b.fr -all"]}, ["fine"]),
        ({"a.fr": ["v=spf1 exp=why.a.fr unknown=modifier -all"]}, ["fine"]),
    ],
)
def test_spf(zone: Mapping[str, Sequence[str]], expected: list[str]) -> None:
    assert codes(spf_of(zone)) == expected


def test_spf_that_includes_without_end_is_given_up() -> None:
    found = follow_spf("0.fr", lambda name: [f"v=spf1 include:{int(name.partition('.')[0]) + 1}.fr -all"])
    assert 10 < found.lookups < 100


def test_spf_counts_as_a_receiver_does() -> None:
    zone = {"a.fr": ["v=spf1 a mx/24 include:b.fr ip4:192.0.2.1 -all"], "b.fr": ["v=spf1 a:x.fr/28 ptr exists:y.fr ~all"]}
    assert follow_spf("a.fr", lambda name: zone[name]).lookups == 6
    assert spf_records(["v=spf1", "v=spf1 -all", "x"]) == ["v=spf1", "v=spf1 -all"]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "n2026.pem"
    make_key(path, "rsa")
    return path


def test_dkim_published_as_it_signs(key: Path) -> None:
    record = public_record(read_key(key))
    own = own_record(Dkim(domain="acme-widgets.fr", selector="n2026"), key.parent)
    name = "n2026._domainkey.acme-widgets.fr"

    def told(*texts: str) -> list[str]:
        return [each.code for each in judge_dkim(name, own, dkim_keys(texts))]

    assert told(record) == ["fine"]
    assert told(record.replace("v=DKIM1; ", "").replace("p=", "p= ")) == ["fine"]
    assert told() == ["dkim-missing"]
    assert told("v=DKIM1; k=rsa; p=") == ["dkim-revoked"]
    assert told(record.replace("p=MII", "p=MIJ")) == ["dkim-mismatch"]
    assert told(record, record) == ["dkim-mismatch"]
    assert told(record + "; t=y:s") == ["dkim-testing"]
    short = {"p": own["p"][:200]} if not isinstance(own, str) else {}
    assert [each.code for each in judge_dkim(name, short, [short])] == ["dkim-weak"]


def test_a_key_that_is_not_there_is_told(tmp_path: Path) -> None:
    own = own_record(Dkim(domain="acme-widgets.fr", selector="n2026"), tmp_path)
    assert isinstance(own, str)
    assert [each.code for each in judge_dkim("n", own, [])] == ["dkim-key-missing"]


@pytest.mark.parametrize(
    ("texts", "domains", "dkim", "expected"),
    [
        (["v=DMARC1; p=reject"], SENDER, None, ["fine"]),
        (["v=DMARC1;p=quarantine;aspf=s"], SENDER, None, ["not-aligned"]),
        (["v=DMARC1;p=quarantine;aspf=s"], SENDER, "acme-widgets.fr", ["fine"]),
        (["v=DMARC1;p=quarantine;aspf=s;adkim=s"], SENDER, "mail.acme-widgets.fr", ["not-aligned"]),
        (["v=DMARC1; p=reject"], Domains("acme-widgets.fr", "relay.net"), None, ["not-aligned"]),
        (["v=DMARC1; p=reject"], Domains("acme-widgets.fr", "relay.net"), "acme-widgets.fr", ["fine"]),
        (["v=DMARC1; p=none; rua=mailto:d@acme-widgets.fr"], SENDER, None, ["dmarc-none"]),
        (["v=DMARC1; rua=mailto:d@acme-widgets.fr"], SENDER, None, ["dmarc-broken"]),
        ([], SENDER, None, ["dmarc-missing"]),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], SENDER, None, ["dmarc-several"]),
        (["v=spf1 -all"], SENDER, None, ["dmarc-missing"]),
    ],
)
def test_dmarc(texts: list[str], domains: Domains, dkim: str | None, expected: list[str]) -> None:
    policy = Dkim(domain=dkim, selector="s") if dkim else None
    assert [each.code for each in judge_dmarc(domains, policy, dmarc_records(texts))] == expected


@pytest.mark.parametrize(
    ("hosts", "addressed", "expected"),
    [([""], True, "mx-null"), ([], False, "mx-missing"), ([], True, "fine"), (["mx.a.fr"], True, "fine")],
)
def test_mx(hosts: list[str], addressed: bool, expected: str) -> None:
    assert [each.code for each in judge_mx("a.fr", hosts, addressed=addressed)] == [expected]


@pytest.mark.parametrize(
    ("names", "confirmed", "expected"),
    [([], False, "ptr-missing"), (["x.a.fr"], False, "ptr-not-confirmed"), (["x.a.fr"], True, "fine")],
)
def test_ptr(names: list[str], confirmed: bool, expected: str) -> None:
    assert judge_ptr("mail.a.fr", "192.0.2.1", names, confirmed=confirmed).code == expected


def test_tags_are_read_as_rfc_6376_writes_them() -> None:
    assert tags("v=DKIM1 ; k = rsa; p= AB\n CD ;; x") == {"v": "DKIM1", "k": "rsa", "p": "ABCD"}

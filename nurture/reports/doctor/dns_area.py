"""The DNS: whether those who receive our mail find there what they look for. Asked through a resolver that can be replaced."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from nurture.adapters.mail.linting.context import organisational, same_organisation
from nurture.adapters.mail.server import parse_url
from nurture.adapters.mail.signing import public_record, read_key
from nurture.adapters.resolver import Resolver
from nurture.domain.mail.marks import Dkim
from nurture.domain.mail.sending import SendingPolicy
from nurture.errors import NurtureError
from nurture.reports.doctor.dns_codes import BOOK
from nurture.reports.doctor.dns_records import (
    MOST_LOOKUPS,
    Spf,
    dkim_keys,
    dmarc_records,
    follow_spf,
    hosts_of,
    tags,
)  # fmt: skip
from nurture.reports.doctor.examining import Check
from nurture.reports.doctor.finding import Finding
from nurture.reports.doctor.patient import Patient
from nurture.settings import Settings

#: RFC 8301 §3.2. A key in base64 has about four letters for three bytes, and some forty bytes around it.
_SHORT_KEY: Final = 300


class Domains(NamedTuple):
    """The domain of the sender, and the one that bounces come to."""

    sender: str
    envelope: str


def domains_of(sending: SendingPolicy) -> Domains:
    """Whom receiving servers look up."""
    sender = sending.sender.email.rpartition("@")[2].lower()
    return Domains(sender, sending.bounce_domain or sender)


def look_at_spf(patient: Patient) -> Iterator[Finding]:
    """Who may send mail in the name of the envelope's domain."""
    domain = domains_of(patient.sending()).envelope
    yield from judge_spf(domain, follow_spf(domain, lambda name: patient.resolver(name, "TXT")))


def judge_spf(domain: str, spf: Spf) -> Iterator[Finding]:
    """What is wrong with a domain's SPF."""
    found = []
    if not spf.records:
        found.append(BOOK("spf-missing", f"{domain} has no SPF record"))
    elif len(spf.records) > 1:
        found.append(BOOK("spf-several", f"{domain} has {len(spf.records)} SPF records"))
    if spf.lookups > MOST_LOOKUPS:
        found.append(BOOK("spf-too-long", f"the SPF record of {domain} asks the DNS {spf.lookups} times"))
    found += [BOOK("spf-broken", fault) for fault in spf.faults]
    if spf.others == "+all":
        found.append(BOOK("spf-open", f"the SPF record of {domain} ends with +all"))
    elif len(spf.records) == 1 and not spf.faults and spf.others in (None, "?all"):
        found.append(BOOK("spf-neutral", f"the SPF record of {domain} ends with {spf.others or 'no all'}"))
    yield from found or [BOOK.fine(f"SPF of {domain}: {spf.lookups} of {MOST_LOOKUPS} lookups, {spf.others}")]


def look_at_dkim(patient: Patient) -> Iterator[Finding]:
    """Whether the key that signs is the one that is published."""
    policy = patient.sending().dkim
    if policy is None:
        yield BOOK("dkim-elsewhere", "mail is not signed here (no dkim in sending.yaml)")
        return
    name = f"{policy.selector}._domainkey.{policy.domain}"
    own = own_record(policy, patient.settings.dkim_folder)
    yield from judge_dkim(name, own, dkim_keys(patient.resolver(name, "TXT")))


def own_record(policy: Dkim, folder: Path) -> Mapping[str, str] | str:
    """What the DNS should say, or why that is not known."""
    try:
        return tags(public_record(read_key(folder / policy.key_file)))
    except NurtureError as error:
        return str(error).partition("; ")[0]


def judge_dkim(name: str, own: Mapping[str, str] | str, published: Sequence[Mapping[str, str]]) -> Iterator[Finding]:
    """What is wrong with a published key, held against the private one."""
    if isinstance(own, str):
        yield BOOK("dkim-key-missing", own)
    elif not published:
        yield BOOK("dkim-missing", f"{name} has no key")
    elif len(published) > 1:
        yield BOOK("dkim-mismatch", f"{name} has {len(published)} keys, and only one may be there")
    elif not published[0]["p"]:
        yield BOOK("dkim-revoked", f"{name} says that its key was taken back")
    elif published[0]["p"] != own["p"]:
        yield BOOK("dkim-mismatch", f"{name} has another key than the one that signs")
    else:
        yield from _judge_key(name, published[0])


def _judge_key(name: str, key: Mapping[str, str]) -> Iterator[Finding]:
    found = []
    if key.get("k", "rsa") == "rsa" and len(key["p"]) < _SHORT_KEY:
        found.append(BOOK("dkim-weak", f"the key at {name} has fewer than 2048 bits"))
    if "y" in key.get("t", "").split(":"):
        found.append(BOOK("dkim-testing", f"{name} says t=y"))
    yield from found or [BOOK.fine(f"DKIM: {name} has the key that signs")]


def look_at_dmarc(patient: Patient) -> Iterator[Finding]:
    """Whether there is a policy, and whether our mail fulfils it."""
    sending = patient.sending()
    domains = domains_of(sending)
    records = dmarc_records(patient.resolver(f"_dmarc.{domains.sender}", "TXT"))
    above = organisational(domains.sender)
    if not records and above and above != domains.sender:
        records = dmarc_records(patient.resolver(f"_dmarc.{above}", "TXT"))
    yield from judge_dmarc(domains, sending.dkim, records)


def judge_dmarc(domains: Domains, dkim: Dkim | None, records: Sequence[Mapping[str, str]]) -> Iterator[Finding]:
    """What is wrong with a DMARC policy, and whether SPF or DKIM speaks for the sender's domain as it wants it."""
    said = records[0] if len(records) == 1 else {}
    found = [*_in_policy(domains.sender, records)]
    by_spf = _aligned(domains.envelope, domains.sender, strict=said.get("aspf") == "s")
    by_dkim = dkim is not None and _aligned(dkim.domain, domains.sender, strict=said.get("adkim") == "s")
    if not by_spf and not by_dkim:
        signed = f", signatures are of {dkim.domain}" if dkim is not None else ", nothing is signed here"
        found.append(BOOK("not-aligned", f"mail is from {domains.sender}, bounces go to {domains.envelope}{signed}"))
    by = " and ".join(name for name, holds in (("SPF", by_spf), ("DKIM", by_dkim)) if holds)
    yield from found or [BOOK.fine(f"DMARC of {domains.sender}: p={said.get('p')}, fulfilled by {by}")]


def _in_policy(sender: str, records: Sequence[Mapping[str, str]]) -> Iterator[Finding]:
    if not records:
        yield BOOK("dmarc-missing", f"{sender} has no DMARC record")
    elif len(records) > 1:
        yield BOOK("dmarc-several", f"{sender} has {len(records)} DMARC records")
    elif records[0].get("p") not in ("none", "quarantine", "reject"):
        yield BOOK("dmarc-broken", f"the DMARC record of {sender} has no p=none, quarantine or reject")
    elif records[0]["p"] == "none":
        yield BOOK("dmarc-none", f"the DMARC policy of {sender} is none")


def _aligned(one: str, other: str, *, strict: bool) -> bool:
    return one == other if strict else same_organisation(one, other)


def look_at_mx(patient: Patient) -> Iterator[Finding]:
    """Whether bounces and answers find their way back."""
    sender, envelope = domains_of(patient.sending())
    for domain in dict.fromkeys((sender, envelope)):
        hosts = list(hosts_of(patient.resolver(domain, "MX")))
        addressed = bool(hosts) or bool(_addresses(domain, patient.resolver))
        yield from judge_mx(domain, hosts, addressed=addressed)


def judge_mx(domain: str, hosts: Sequence[str], *, addressed: bool) -> Iterator[Finding]:
    """What is wrong with where a domain's mail goes; `addressed` whether there is any host at all."""
    if hosts == [""]:
        yield BOOK("mx-null", f"{domain} says that it takes no mail (null MX)")
    elif not hosts and not addressed:
        yield BOOK("mx-missing", f"{domain} has neither MX nor address")
    else:
        yield BOOK.fine(f"mail to {domain} goes to {', '.join(hosts) or domain}")


def look_at_relays(patient: Patient) -> Iterator[Finding]:
    """Whether the names of our mail servers' addresses lead back to them."""
    for host in dict.fromkeys(relays(patient.settings)):
        addresses = [each for each in _addresses(host, patient.resolver) if _is_public(each)]
        if not addresses:
            yield BOOK.fine(f"{host} has no public address; what sends on from there is not known here")
        for address in addresses:
            names = patient.resolver(address, "PTR")
            confirmed = any(address in _addresses(name, patient.resolver) for name in names)
            yield judge_ptr(host, address, names, confirmed=confirmed)


def relays(settings: Settings) -> Iterator[str]:
    """The hosts of all mail servers."""
    try:
        for url in settings.transports.values():
            yield parse_url(url).host
    except NurtureError:
        return  # the area smtp tells of it


def _addresses(host: str, resolver: Resolver) -> list[str]:
    try:
        return [str(ip_address(host))]
    except ValueError:
        return [*resolver(host, "A"), *resolver(host, "AAAA")]


def _is_public(address: str) -> bool:
    return ip_address(address).is_global


def judge_ptr(host: str, address: str, names: Sequence[str], *, confirmed: bool) -> Finding:
    """What is wrong with the name of an address; `confirmed` whether one of its names has this address."""
    if not names:
        return BOOK("ptr-missing", f"{address} of {host} has no name (PTR)")
    if not confirmed:
        return BOOK("ptr-not-confirmed", f"{address} of {host} is called {names[0]}, which does not have that address")
    return BOOK.fine(f"{address} of {host} is called {names[0]}, and the other way round")


def look_at_links(patient: Patient) -> Iterator[Finding]:
    """Whether the host of every link is there."""
    host = urlsplit(patient.settings.public_url).hostname or ""
    if _addresses(host, patient.resolver):
        yield BOOK.fine(f"{host}, which links lead to, has an address")
    else:
        yield BOOK("link-host-missing", f"{host}, which links lead to, has no address")


def checks_of(patient: Patient) -> list[Check]:
    """The checks; in development nobody receives our mail, and nobody is asked."""
    if not patient.serious:
        later: Iterable[Finding] = [BOOK.unknown("the DNS", "in development no mail leaves; `--only dns` asks all the same")]
        return [Check("dns", "the DNS", lambda _: later)]
    return [
        Check("dns", "SPF", look_at_spf, outside=True, patience=3),
        Check("dns", "DKIM", look_at_dkim, outside=True, patience=3),
        Check("dns", "DMARC", look_at_dmarc, outside=True, patience=3),
        Check("dns", "where bounces and answers go", look_at_mx, outside=True, patience=3),
        Check("dns", "the names of the mail servers", look_at_relays, outside=True, patience=3),
        Check("dns", "the host of links", look_at_links, outside=True, patience=3),
    ]

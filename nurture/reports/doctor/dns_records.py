"""What SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 7489) say in the DNS, read and followed; nothing is judged here."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

#: The TXT records of a name.
Texts = Callable[[str], Sequence[str]]

#: RFC 7208 §4.6.4: whoever evaluates a record asks the DNS no more often than this, and gives up beyond.
MOST_LOOKUPS: Final = 10

#: So many questions are enough to know that there are too many.
_ENOUGH: Final = 3 * MOST_LOOKUPS

_MECHANISM: Final = re.compile(r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)((?:[:/]\S*)?)", re.IGNORECASE)
_MODIFIER: Final = re.compile(r"([a-z][a-z0-9_.-]*)=(\S*)", re.IGNORECASE)
_ASKING: Final = frozenset({"include", "a", "mx", "ptr", "exists"})


class Spf(NamedTuple):
    """What comes of a domain's SPF record: how many times whoever evaluates it asks the DNS, what it says of everybody else (such
    as ~all; None if nothing), and what of it, or of what it includes, cannot be followed.
    """

    records: Sequence[str]
    lookups: int = 0
    others: str | None = None
    faults: Sequence[str] = ()


def follow_spf(domain: str, texts: Texts) -> Spf:
    """Follow the record of a domain as a receiving server does, as far as it can be without a mail."""
    records = spf_records(texts(domain))
    if len(records) != 1:
        return Spf(records)
    walk = _Walk(texts)
    others = walk.through(domain, records[0], (domain,))
    return Spf(records, walk.lookups, others, tuple(dict.fromkeys(walk.faults)))


def spf_records(texts: Sequence[str]) -> list[str]:
    """Those of a name's texts that are SPF records (§4.5)."""
    return [text for text in texts if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]


class _Walk:
    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self.lookups = 0
        self.faults: list[str] = []

    def through(self, domain: str, record: str, way: tuple[str, ...]) -> str | None:
        """Through one record; what it says of those whom nothing else names."""
        others, redirect = None, None
        for term in record.split()[1:]:
            mechanism = _MECHANISM.fullmatch(term)
            modifier = None if mechanism else _MODIFIER.fullmatch(term)
            if mechanism is not None:
                sign, kind, rest = mechanism[1] or "+", mechanism[2].lower(), mechanism[3]
                others = f"{sign}all" if kind == "all" and others is None else others
                self.lookups += kind in _ASKING
                if kind == "include":
                    self._into(rest.removeprefix(":"), way)
            elif modifier is not None:
                redirect = modifier[2] if modifier[1].lower() == "redirect" else redirect
            else:
                self.faults.append(f"{domain}: {term[:60]!r} is no term of SPF")
        if redirect is not None and others is None:
            self.lookups += 1
            return self._into(redirect, way)
        return others

    def _into(self, domain: str, way: tuple[str, ...]) -> str | None:
        """Into the record of another domain. Where a macro names it, only a mail tells which one that is."""
        if "%" in domain or self.lookups > _ENOUGH:
            return None
        if domain.lower() in way:
            self.faults.append(f"{way[-1]} leads back to {domain.lower()}")
            return None
        records = spf_records(self._texts(domain)) if domain else []
        if len(records) != 1:
            self.faults.append(f"{way[-1]} includes {domain or 'nothing'}, which has {len(records) or 'no'} SPF records")
            return None
        return self.through(domain, records[0], (*way, domain.lower()))


def tags(record: str) -> Mapping[str, str]:
    """The tags of a DKIM or DMARC record: `v=DMARC1; p=none` (RFC 6376 §3.2)."""
    parts = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): "".join(value.split()) for name, equals, value in parts if equals}


def dmarc_records(texts: Sequence[str]) -> list[Mapping[str, str]]:
    """Those of a name's texts that are DMARC records."""
    return [tags(text) for text in texts if tags(text).get("v") == "DMARC1"]


def dkim_keys(texts: Sequence[str]) -> list[Mapping[str, str]]:
    """Those of a name's texts that are DKIM keys; the version may be left out."""
    return [found for text in texts if "p" in (found := tags(text)) and found.get("v", "DKIM1") == "DKIM1"]


def hosts_of(exchanges: Sequence[str]) -> Iterator[str]:
    """The hosts of MX records such as `10 mail.example.com`; the empty name is null MX (RFC 7505)."""
    for each in exchanges:
        yield each.partition(" ")[2]

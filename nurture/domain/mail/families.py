"""Whose servers take a domain's mail: what one operator runs shares one patience with us, whatever the domain is called.

A family is told by the host that the domain's MX record names, for a company's own domain says nothing of who takes its mail. The
domains of the large mailbox providers are known by name, which saves asking. What belongs to no family is one by itself.
"""

from collections.abc import Iterable, Mapping
from typing import Final

#: By the end of the mail server's name.
_BY_SERVER: Final[Mapping[str, str]] = {
    "google.com": "gmail", "googlemail.com": "gmail",
    "outlook.com": "microsoft", "mx.microsoft": "microsoft", "hotmail.com": "microsoft",
    "yahoodns.net": "yahoo", "icloud.com": "apple",
    # mailbox providers
    "orange.fr": "orange", "free.fr": "free", "laposte.net": "laposte", "sfr.fr": "sfr", "bbox.fr": "bouygues",
    "gmx.net": "gmx", "web.de": "gmx", "t-online.de": "telekom", "libero.it": "libero", "seznam.cz": "seznam", "wp.pl": "wp",
    "onet.pl": "onet", "mail.ru": "mailru", "yandex.net": "yandex", "yandex.ru": "yandex", "qq.com": "tencent",
    "163.com": "netease", "netease.com": "netease", "comcast.net": "comcast", "bluewin.ch": "swisscom", "telenet.be": "telenet",
    "skynet.be": "proximus", "ziggo.nl": "ziggo",
    # hosters of companies' domains
    "ovh.net": "ovh", "gandi.net": "gandi", "ionos.fr": "ionos", "ionos.de": "ionos", "ionos.com": "ionos", "ionos.co.uk": "ionos",
    "ionos.es": "ionos", "ionos.it": "ionos", "kundenserver.de": "ionos", "1and1.com": "ionos", "perfora.net": "ionos",
    "infomaniak.ch": "infomaniak", "rzone.de": "strato", "your-server.de": "hetzner", "hostinger.com": "hostinger",
    "secureserver.net": "godaddy", "emailsrvr.com": "rackspace", "privateemail.com": "namecheap", "zoho.com": "zoho",
    "zoho.eu": "zoho", "protonmail.ch": "proton", "messagingengine.com": "fastmail", "mailfence.com": "mailfence",
    "o2switch.net": "o2switch", "aruba.it": "aruba", "home.pl": "homepl", "one.com": "onecom", "transip.email": "transip",
    "migadu.com": "migadu", "tutanota.de": "tuta", "awsapps.com": "amazon", "amazonaws.com": "amazon",
    # filters in front of companies' servers
    "pphosted.com": "proofpoint", "ppe-hosted.com": "proofpoint", "mimecast.com": "mimecast", "barracudanetworks.com": "barracuda",
    "iphmx.com": "cisco", "messagelabs.com": "broadcom", "vadesecure.com": "vade", "mailinblack.com": "mailinblack",
    "altospam.com": "altospam", "trendmicro.com": "trendmicro", "trendmicro.eu": "trendmicro", "sophos.com": "sophos",
    "hornetsecurity.com": "hornet", "antispameurope.com": "hornet", "spamexperts.com": "spamexperts",
    "antispamcloud.com": "spamexperts", "fireeyecloud.com": "trellix", "mailcontrol.com": "forcepoint",
}  # fmt: skip

#: By the domain of the address.
_BY_DOMAIN: Final[Mapping[str, str]] = {
    "gmail.com": "gmail", "googlemail.com": "gmail",
    "outlook.com": "microsoft", "outlook.fr": "microsoft", "hotmail.com": "microsoft", "hotmail.fr": "microsoft",
    "hotmail.co.uk": "microsoft", "live.com": "microsoft", "live.fr": "microsoft", "msn.com": "microsoft",
    "yahoo.com": "yahoo", "yahoo.fr": "yahoo", "yahoo.co.uk": "yahoo", "ymail.com": "yahoo", "rocketmail.com": "yahoo",
    "aol.com": "yahoo", "icloud.com": "apple", "me.com": "apple", "mac.com": "apple",
    "orange.fr": "orange", "wanadoo.fr": "orange", "free.fr": "free", "laposte.net": "laposte", "sfr.fr": "sfr",
    "neuf.fr": "sfr", "gmx.net": "gmx", "gmx.de": "gmx", "gmx.fr": "gmx", "web.de": "gmx", "t-online.de": "telekom",
    "proton.me": "proton", "protonmail.com": "proton", "yandex.ru": "yandex", "mail.ru": "mailru", "qq.com": "tencent",
}  # fmt: skip

#: The names that rates may be given to, beside domains.
FAMILIES: Final = frozenset(_BY_SERVER.values())

#: Nobody's mail is there (RFC 2606, RFC 6761), so nobody needs to be asked.
_RESERVED: Final = (".test", ".example", ".invalid", ".localhost", "example.com", "example.net", "example.org", ".local")


def family_by_name(domain: str) -> str | None:
    """The family of a domain that is known by name; itself, where mail never goes; None if its MX must be asked for."""
    if domain.endswith(_RESERVED) or "." not in domain:
        return domain
    return _BY_DOMAIN.get(domain)


def family_by_servers(domain: str, servers: Iterable[str]) -> str:
    """The family of a domain by the names of its mail servers, the preferred one first; itself, if none is known."""
    return next((family for server in servers for family in _told_by(server)), domain)


def _told_by(server: str) -> Iterable[str]:
    labels = server.rstrip(".").lower().split(".")
    endings = (".".join(labels[first:]) for first in range(len(labels)))
    return (_BY_SERVER[ending] for ending in endings if ending in _BY_SERVER)

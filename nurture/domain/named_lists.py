"""Lists that conditions may name instead of writing out: `{email_domain: {in: free_mail_domains}}`."""

from collections.abc import Mapping
from typing import Final

#: Mailbox providers open to everybody; an address there says nothing about a company.
FREE_MAIL_DOMAINS: Final = frozenset({
    "aliceadsl.fr", "aol.com", "bbox.fr", "club-internet.fr", "fastmail.com", "free.fr", "gmail.com", "gmx.at", "gmx.ch",
    "gmx.com", "gmx.de", "gmx.fr", "gmx.net", "googlemail.com", "hey.com", "hotmail.be", "hotmail.co.uk", "hotmail.com",
    "hotmail.fr", "icloud.com", "laposte.net", "libero.it", "live.be", "live.com", "live.fr", "mac.com", "mail.com",
    "mail.ru", "me.com", "mailo.com", "msn.com", "neuf.fr", "noos.fr", "numericable.fr", "orange.fr", "outlook.be",
    "outlook.com", "outlook.fr", "pm.me", "proton.me", "protonmail.com", "qq.com", "sfr.fr", "sympatico.ca", "t-online.de",
    "tutanota.com", "videotron.ca", "wanadoo.fr", "web.de", "yahoo.co.uk", "yahoo.com", "yahoo.de", "yahoo.fr", "yandex.com",
    "yandex.ru", "ymail.com", "zoho.com",
})  # fmt: skip

NAMED_LISTS: Final[Mapping[str, frozenset[str]]] = {"free_mail_domains": FREE_MAIL_DOMAINS}

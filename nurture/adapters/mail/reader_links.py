"""The links of one mail: each is made for its reader, and what it may do is inside its signed token."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import quote
from zlib import crc32

from nurture.adapters.mail.templates import languages_to_try
from nurture.adapters.tokens import Click, Download, MailLink, Tokens
from nurture.domain.definitions import Definitions
from nurture.errors import TemplateError
from nurture.ports import Letter

#: Everything a URL may hold; the rest is percent-encoded, so that a person's attribute cannot break a link.
_URL_CHARACTERS: Final = "%/:?#[]@!$&'()*+,;=~-._"


class _Settled(str):
    """An address that goes into the mail as it is."""

    __slots__ = ()


class OwnLinks(NamedTuple):
    """The addresses that every mail offers: to receive no more mail, and to read what is done with data."""

    unsubscribe: str
    privacy: str


class AssetLink(NamedTuple):
    """An asset as templates see it: its title in the reader's language and the reader's own link to it."""

    title: str
    url: str


class ReaderLinks:
    """Makes the links of the mail for one letter, whose template is in `language`."""

    def __init__(self, public_url: str, tokens: Tokens, letter: Letter, definitions: Definitions, language: str) -> None:
        self._public_url = public_url
        self._tokens = tokens
        self._letter = letter
        self._definitions = definitions
        self._languages = languages_to_try((language, definitions.sending.default_language))
        self._mail = MailLink(letter.message, letter.person)

    def own(self) -> OwnLinks:
        unsubscribe = f"{self._public_url}/u/{self._tokens.unsubscribe(self._mail)}"
        return OwnLinks(_Settled(unsubscribe), _Settled(self._definitions.sending.organisation.privacy_url))

    def pixel(self) -> str:
        """The image whose request tells that the mail was opened."""
        return f"{self._public_url}/o/{self._tokens.open(self._mail)}.gif"

    def link(self, address: str) -> str:
        """What to write for an address: the link that counts the click, or the address itself where none may be counted.

        Raises TemplateError for an address that leads nowhere from a mail.
        """
        if isinstance(address, _Settled):
            return address
        url = quote(address, safe=_URL_CHARACTERS)
        if not url.startswith(("https://", "http://", "mailto:", "tel:")):
            raise TemplateError("a link leads nowhere from a mail; it must begin with https://, mailto: or tel:")
        policy = self._definitions.sending
        counted = policy.tracking.clicks and url.startswith("http") and address != policy.organisation.privacy_url
        return _Settled(self._counted(url) if counted else url)

    def _counted(self, url: str) -> str:
        return f"{self._public_url}/c/{self._tokens.click(Click(*self._mail, url))}"

    def asset(self, at: datetime) -> Callable[[str], AssetLink]:
        """The function `asset(name)` of templates; its links begin to age at instant `at`."""

        def find(name: str) -> AssetLink:
            assets = self._definitions.assets
            asset = assets.get(name)
            if asset is None:
                raise TemplateError(f"there is no asset {name!r}; assets.yaml has {', '.join(sorted(assets)) or 'none'}")
            title = next((asset.title[each] for each in self._languages if each in asset.title), None)
            # There is no form post here that the download would have to follow: any route of the person's will do.
            route = crc32(str(self._letter.person).encode())
            grant = Download(name, None, self._letter.person, route, at + asset.link.expires, self._letter.message)
            url = self.link(f"{self._public_url}/a/{self._tokens.download(grant)}")
            return AssetLink(title or next(iter(asset.title.values())), url)

        return find

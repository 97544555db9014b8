"""The links of one mail: each is made for its reader, and what it may do is inside its signed token."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import quote
from zlib import crc32

from nurture.adapters.mail.templates import languages_to_try
from nurture.adapters.tokens import Click, Confirmation, Download, MailLink, ReaderOpened, StepOpened, Tokens
from nurture.domain.consent import address_mark
from nurture.domain.definitions import Definitions
from nurture.domain.mail.tracking import OPEN_TRACKING
from nurture.domain.mail.utm import own_domains, with_marks
from nurture.errors import TemplateError
from nurture.ports import Letter

#: Everything a URL may hold; the rest is percent-encoded, so that a person's attribute cannot break a link.
_URL_CHARACTERS: Final = "%/:?#[]@!$&'()*+,;=~-._"


class _Settled(str):
    """An address that goes into the mail as it is."""

    __slots__ = ()


class OwnLinks(NamedTuple):
    """The addresses that every mail offers: to receive no more mail, to read what is done with data, to choose what to receive."""

    unsubscribe: str
    privacy: str
    preferences: str


class AssetLink(NamedTuple):
    """An asset as templates see it: its title in the reader's language and the reader's own link to it."""

    title: str
    url: str


class ConfirmLink(NamedTuple):
    """What a reader is asked to confirm: the words they agreed to, in their language, and their own link to the button."""

    wording: str
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
        self._made: dict[str, str] = {}

    def own(self) -> OwnLinks:
        unsubscribe = f"{self._public_url}/u/{self._tokens.unsubscribe(self._mail)}"
        preferences = f"{self._public_url}/preferences/{self._tokens.preferences(self._mail)}"
        privacy = self._definitions.sending.organisation.privacy_url
        return OwnLinks(_Settled(unsubscribe), _Settled(privacy), _Settled(preferences))

    def pixel(self) -> str | None:
        """The image whose request tells of an open as much as may be told of this reader's, if anything may."""
        match self._definitions.sending.tracking.opens:
            case "aggregate":
                token = self._tokens.open_of_step(StepOpened(self._letter.sequence, self._letter.step))
            case "hygiene":
                token = self._tokens.open_by(ReaderOpened(self._letter.person))
            case "individual" if self._letter.facts.get(OPEN_TRACKING) is True:
                token = self._tokens.open(self._mail)
            case _:
                return None
        return f"{self._public_url}/o/{token}.gif"

    def link(self, address: str) -> str:
        """What to write for an address: the link that counts the click, or the address itself where none may be counted.

        Raises TemplateError for an address that leads nowhere from a mail.
        """
        if isinstance(address, _Settled):
            return address
        if address not in self._made:  # both parts hold the same links
            self._made[address] = self._settled(address)
        return self._made[address]

    def _settled(self, address: str) -> str:
        url = quote(address, safe=_URL_CHARACTERS)
        if not url.startswith(("https://", "http://", "mailto:", "tel:")):
            raise TemplateError("a link leads nowhere from a mail; it must begin with https://, mailto: or tel:")
        policy = self._definitions.sending
        if not url.startswith("http") or address == policy.organisation.privacy_url:
            return _Settled(url)
        url = self._marked(url)
        return _Settled(self._counted(url) if policy.tracking.clicks else url)

    def _marked(self, url: str) -> str:
        """The address with UTM marks, where it leads to pages of ours; nothing reads them where it leads to this engine."""
        policy, letter = self._definitions.sending, self._letter
        if policy.utm is None or url.startswith(f"{self._public_url}/"):
            return url
        own = own_domains(policy.utm, policy.sender.email, policy.organisation.privacy_url)
        return with_marks(url, policy.utm, {"sequence": letter.sequence, "step": letter.step, "email": letter.template}, own)

    def _counted(self, url: str) -> str:
        return f"{self._public_url}/c/{self._tokens.click(Click(*self._mail, url))}"

    def confirm(self, at: datetime) -> Callable[[str], ConfirmLink]:
        """The function `confirm(purpose)` of templates; its link begins to age at instant `at`."""

        def find(name: str) -> ConfirmLink:
            purposes = self._definitions.consents.purposes
            purpose = purposes.get(name)
            if purpose is None:
                raise TemplateError(f"there is no purpose {name!r}; consents.yaml has {', '.join(sorted(purposes)) or 'none'}")
            wording = next((purpose.wording[each] for each in self._languages if each in purpose.wording), None)
            asked = Confirmation(*self._mail, address_mark(self._letter.address), at + purpose.within, name)
            # Never counted as a click: what follows from it is one's word.
            url = _Settled(f"{self._public_url}/confirm/{self._tokens.confirmation(asked)}")
            return ConfirmLink(wording or next(iter(purpose.wording.values())), url)

        return find

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

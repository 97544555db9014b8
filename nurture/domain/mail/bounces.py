"""What servers say of mail that they did not deliver: by reports (RFC 3464), or in words where there is none.

Only what is certain counts against an address: where a report and its words disagree, or where words alone speak, whatever the
server holds against us goes before whatever it says of the reader.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from nurture.domain.mail.faults import Fault, Refusal, read_refusal
from nurture.domain.mail.incoming import Told, Unread

Action = Literal["failed", "delayed", "delivered", "relayed", "expanded"]

#: What a report means that names no action (RFC 3463 §2).
_ACTION_OF_CLASS: Final[Mapping[str, Action]] = {"2": "delivered", "4": "delayed", "5": "failed"}
_ACTIONS: Final[Mapping[str, Action]] = {
    "failed": "failed", "failure": "failed", "delayed": "delayed", "delivered": "delivered", "relayed": "relayed",
    "expanded": "expanded",
}  # fmt: skip


class RecipientReport(NamedTuple):
    """What a report says of one recipient: its fields Action, Status and Diagnostic-Code as they came."""

    action: str
    status: str
    diagnostic: str

    @property
    def came_to(self) -> Action | None:
        """What became of the mail; None where the report does not say."""
        words = self.action.lower().split() or [""]
        return _ACTIONS.get(words[0]) or _ACTION_OF_CLASS.get(self.status.strip()[:1])

    @property
    def refusal(self) -> Refusal:
        """Why: the status, or the code in the words where the status does not go into detail."""
        words = self.diagnostic or self.status
        said = _refusal_in(words)
        status = _code_in(self.status, 0)
        if status is None or (status.endswith(".0.0") and said.enhanced):
            return said
        return Refusal(said.code, status, words)


def told_by_report(reports: Sequence[RecipientReport], text: str = "") -> Told | Unread:
    """What a report tells of a mail to one reader; `text` is what stands beside it for people.

    There are several recipients where an address of the reader's leads to others: then the mail has bounced only if it reached
    none, and the address is at fault only if each of them is.
    """
    came_to = {each.came_to for each in reports}
    if "delivered" in came_to:
        return Told("delivered")
    if came_to & {"relayed", "expanded"}:
        return Unread("it says only that the mail was passed on to where nobody reports", ours=True)
    kind: Literal["bounced", "deferred"] = "deferred" if "delayed" in came_to else "bounced"
    wanted = "delayed" if kind == "deferred" else "failed"
    whys = [each.refusal for each in reports if each.came_to == wanted]
    if not whys:
        return Unread("it is a report without an action that is known", ours=True)
    why = next((each for each in whys if fault_in(each) != Fault.ADDRESS), whys[0])
    fault = fault_in(why)
    if fault == Fault.UNKNOWN:
        fault = fault_in(why._replace(text=_words_in(text)))
    return Told(kind, fault, why.enhanced, why.text)


#: The basic code of a reply (RFC 5321 §4.2), where words give no other.
_REPLY: Final = re.compile(r"(?<![\d.])([45]\d\d)(?=[ -])(?![ -]\d+:\d)")


def _refusal_in(text: str) -> Refusal:
    found = _REPLY.search(text)
    code = int(found[1]) if found else 0
    return Refusal(code, _code_in(text, code), text)


def _code_in(text: str, code: int) -> str | None:
    """The enhanced code of a refusal: of the class of its basic code if there is one. What looks like a success is none."""
    return next((found for each in (code, 500, 400) if each and (found := read_refusal(each, text).enhanced)), None)


def _one_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in patterns), re.IGNORECASE)


#: What servers hold against whoever sends.
_AGAINST_US: Final = _one_of(
    r"\bspam\b|\bunsolicited\b|\bjunk mail\b", r"black-?list|block-?list|block list|\bDNSBL\b|\bRBL\b|liste noire|gesperrte? IP",
    r"spamhaus|spamcop|barracuda|cloudmark|sorbs\b", r"\breputation\b", r"\bpolicy\b|\bpolicies\b|raisons? de s[ée]curit[ée]",
    r"\bDMARC\b|\bDKIM\b|\bSPF\b|not authenticated|unauthenticated", r"rate.?limit|too many (?:messages|connections|recipients|e-?mails)|trop de (?:messages|connexions)",
    r"relay(?:ing)? (?:access )?(?:is )?(?:denied|not permitted|not allowed|prohibited)|unable to relay", r"blocked (?:using|by|for|because)|your (?:ip|host|server|domain) .{0,60}(?:blocked|listed|banned)",
    r"not accepting (?:mail|messages) from", r"\b(?:helo|ehlo)\b.{0,30}(?:reject|denied|invalid)|client host|reverse dns|\bPTR\b|\brDNS\b|domain of sender",
    r"sender (?:address )?(?:rejected|denied|blocked|verify failed)|exp[ée]diteur (?:rejet|refus)",
)  # fmt: skip

#: That nobody is there.
_NOBODY: Final = _one_of(
    r"user (?:is )?unknown|unknown (?:user|recipient|address|local.?part|mailbox)|recipient (?:is )?unknown|unknown to address",
    r"(?:addressee|host) (?:is )?unknown|unknown (?:or illegal|host)|(?:name|user|recipient|address) .{0,20}not recognized|invalid final delivery|not (?:a )?valid users?\b",
    r"no such (?:user|recipient|mailbox|person|address|account|domain|host)|no mailbox (?:here )?by that name",
    r"(?:user|mailbox|recipient|account|address|domain|host|adresse|email)\b.{0,60}(?:does ?n[o']t exist|not found(?!.{0,3}try again)|n'existe pas|existiert nicht|no longer (?:exists|available|valid|active))",
    r"n['’]existe (?:pas|plus)|existiert nicht", r"invalid (?:recipient|mailbox|address|user)|(?:recipient|user|mailbox|address) invalid|destinataire (?:invalide|inconnu)|adresse (?:invalide|inconnue)|utilisateur inconnu|compte inexistant",
    r"not a valid (?:recipient|mailbox|user|address)|recipientnotfound|resolver\.adr\.\w*notfound",
    r"this user doesn'?t have a .{0,30}account|(?:account|mailbox|user) (?:has been |is )?(?:disabled|deactivated|closed|suspended|discontinued|inactive|terminated)|compte (?:d[ée]sactiv|ferm|supprim)",
    r"unrout(?:e)?able (?:address|mail domain)|host or domain name not found(?!.{0,90}try again)|name or service not known|couldn'?t find any host named|domain .{0,60}(?:could not|couldn'?t) be found|host unknown|all relevant mx records point to non-existent",
    r"empf[äa]nger(?:adresse)? (?:ist )?(?:unbekannt|ung[üu]ltig)|unbekannter? (?:empf[äa]nger|benutzer)|address(?:ee)? unknown|not listed in .{0,40}(?:directory|address book)",
)  # fmt: skip

#: That the mailbox is full.
_FULL: Final = _one_of(
    r"(?:mailbox|mail box|inbox|account|user'?s? (?:mailbox|account)|bo[iî]te|bo[iî]te aux lettres|postfach|mailfolder)\b.{0,60}(?:full|pleine|voll\b|over ?quota|exceed)",
    r"(?:over|exceed\w*|out of|dépass\w*|hit|reached)\b.{0,30}\b(?:disk )?quota|quota.{0,30}(?:exceed|full|reached|violat|d[ée]pass|erreicht|[üu]berschritten)|insufficient (?:system )?(?:storage|disk)|out of storage|espace insuffisant",
    r"over ?quota\b",
)  # fmt: skip

#: That the mailbox does not take anything for now, or was not reached.
_NOT_NOW: Final = _one_of(
    r"mailbox (?:is )?(?:unavailable|busy|locked|temporarily)|bo[iî]te .{0,40}(?:indisponible|archiv)", r"timed? ?out|timeout|connection (?:refused|reset|lost|dropped)|no route to host|network is unreachable|retry time",
    r"try(?:ing)? again later|(?:found|error)[;,] try again|try later|temporar|greylist|graylist|grey-list|deferred|too long|trop longtemps|expired|d[ée]lai .{0,30}d[ée]pass",
    r"on the queue|queue (?:period|time)|unable to connect|not reachable|postponed|451 .{0,40}again",
)  # fmt: skip

#: That this one mail is not to their liking.
_THIS_MAIL: Final = _one_of(
    r"(?:message|mail|size)\b.{0,40}(?:too (?:big|large|long)|exceeds|trop (?:gros|volumineux|grand))|size limit|\btoo (?:big|large)\b|zu gro(?:ß|ss)|taille (?:maximale|du message)|exceed\w*.{0,30} size",
    r"\bvirus\b|malware|attachments?\b.{0,40}(?:not allowed|rejected|refused|blocked|forbidden)|pi[èe]ces? jointes?.{0,40}(?:refus|interdit|bloqu)", r"content (?:rejected|not accepted)|malformed|bare (?:lf|cr)|header syntax",
)  # fmt: skip

#: That the server goes on trying.
_STILL_TRYING: Final = _one_of(
    r"\bwarning\b", r"\bdelayed\b|\bdelay\)|delivery delay|\bretard[ée]?\b|verz[öo]gert", r"not yet been delivered|still (?:being retried|trying|undelivered)|pas encore (?:[ée]t[ée] )?(?:remis|distribu|d[ée]livr)",
    r"(?:attempts|efforts) will continue|will (?:be retried|keep trying|continue to (?:try|be)|retry)|keep trying|continuer d'essayer|nouvelles? tentatives?|weitere versuche", r"do(?: not|n'?t) need to resend|no (?:further )?action is required|inutile de renvoyer",
)  # fmt: skip


def fault_in(refusal: Refusal) -> Fault:
    """Whose fault a refusal is, by its code, and by its words where the code does not say.

    Words may clear an address that a code blames, as some servers answer 5.1.1 to whoever they block; and nothing that may pass
    is held against an address.
    """
    fault = _fault_in(refusal)
    passes = (refusal.enhanced or str(refusal.code)).startswith("4")
    return Fault.MAILBOX if fault == Fault.ADDRESS and passes else fault


def _fault_in(refusal: Refusal) -> Fault:
    by_code = refusal.fault if refusal.enhanced else Fault.UNKNOWN
    if by_code == Fault.UNKNOWN or _says_little(refusal.enhanced or ""):
        by_words = _fault_by_words(refusal.text)
        return by_code if by_words == Fault.UNKNOWN else by_words
    if by_code == Fault.ADDRESS and _AGAINST_US.search(refusal.text) and not _NOBODY.search(refusal.text):
        return Fault.POLICY
    return by_code


def _says_little(enhanced: str) -> bool:
    """Whether a code leaves open what of its subject is meant; that a policy is meant, or an address, is enough."""
    _, subject, detail = enhanced.split(".")
    return detail == "0" and subject not in "17"


def _fault_by_words(text: str) -> Fault:
    if _AGAINST_US.search(text):
        return Fault.POLICY
    if _FULL.search(text):
        return Fault.MAILBOX
    if _NOBODY.search(text):
        return Fault.ADDRESS
    if _THIS_MAIL.search(text):
        return Fault.MESSAGE
    return Fault.MAILBOX if _NOT_NOW.search(text) else Fault.UNKNOWN


#: What the subjects of servers' mails speak of, where nothing else says that a server wrote.
_UNDELIVERED: Final = _one_of(
    r"undeliver|non.?deliver|not delivered|could(?: not|n'?t) be delivered|(?:unable|not able|n't able|could not|couldn't) (?:to )?deliver|did not reach|failed recipients?|"
    r"delivery (?:status|failure|notification|report|delay|problem|has failed|failed)",
    r"returned (?:mail|to sender)|returning (?:message )?to sender|mail (?:delivery|system) (?:failed|error|failure)|failure notice|mail delivery|delayed mail|message .{0,40}delayed|rejected mail",
    r"non[ -](?:remis|distribu|d[ée]livr)|[ée]chec (?:de la |d['’])?(?:remise|distribution|envoi)|retour à l'exp|avis de non|unzustellbar|nicht zugestellt|zustellung|r[üu]ckl[äa]ufer",
)  # fmt: skip


#: And those that leave no hope.
_GIVEN_UP: Final = _one_of(
    r"fail|undeliver|returned|rejected|non[ -](?:remis|distribu|d[ée]livr)|[ée]chec|unzustellbar|nicht zugestellt"
)


def speaks_of_a_bounce(subject: str, text: str = "") -> bool:
    """Whether a mail is a server's about mail that it did not deliver, by its subject, and by its text if that is given."""
    if not _UNDELIVERED.search(subject):
        return False
    words = _words_in(text)
    return not text or bool(_UNDELIVERED.search(words) or _REPLY.search(words)) or _fault_by_words(words) != Fault.UNKNOWN


#: Where the words of a server end and the mail that it returns begins.
_COPY: Final = re.compile(
    r"^(?:-{2,}.{0,60}(?:copy of|original message|returned message|below this line|message d'origine|returned mail|message headers|original-nachricht).*"
    r"|(?:received|return-path|message-id|mime-version|dkim-signature|from|x-mailer):\s.*|original message headers:.*|en-t[êe]tes (?:de message )?d['’]origine.*)$",
    re.IGNORECASE | re.MULTILINE,
)  # fmt: skip

#: So much of a text is looked at for the reason, and for whether the server goes on trying.
_MOST: Final = 6_000
_FIRST: Final = 1_500


def told_in_words(subject: str, text: str) -> Told | Unread:
    """What a server tells that has its own form for it: qmail, Exim, old Sendmail, gateways."""
    own = _own_part(text)
    words = _words_in(text)
    refusal = _refusal_in(words)
    fault = fault_in(refusal)
    if fault != Fault.ADDRESS and _still_trying(subject, words):
        return Told("deferred", fault, refusal.enhanced, _sentence(own, fault))
    if fault == Fault.UNKNOWN and refusal.enhanced is None and not refusal.code and not _UNDELIVERED.search(subject + words):
        return Unread("a mail server wrote it, and in no words that are known", ours=True)
    return Told("bounced", fault, refusal.enhanced, _sentence(own, fault))


def _still_trying(subject: str, words: str) -> bool:
    if _STILL_TRYING.search(subject):
        return True
    return not _GIVEN_UP.search(subject) and _STILL_TRYING.search(words[:_FIRST]) is not None


#: The subject of a mail of ours says nothing of why it was returned.
_SUBJECT: Final = re.compile(r"^[>\t ]*(?:subject|objet|betreff)\s*:.*$", re.IGNORECASE | re.MULTILINE)


def _own_part(text: str) -> str:
    """What a server writes itself, without what it returns."""
    copy = _COPY.search(text)
    return _SUBJECT.sub("", text[: copy.start()] if copy and text[: copy.start()].strip() else text)[:_MOST]


def _words_in(text: str) -> str:
    """The same on one line: words are looked for wherever lines break."""
    return " ".join(_own_part(text).split())


def _sentence(own: str, fault: Fault) -> str:
    """The line of a text that gives the reason."""
    lines = [line.strip() for line in own.splitlines() if line.strip()]
    coded = (line for line in lines if _REPLY.search(line) or _code_in(line, 0))
    spoken = (line for line in lines if _fault_by_words(line) == fault != Fault.UNKNOWN)
    return next(coded, None) or next(spoken, None) or next((line for line in lines if line[0].isalpha()), "")

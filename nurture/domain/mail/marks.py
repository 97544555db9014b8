"""What a mail bears for machines alone: what names it where its bounces, its complaints and its provider's reports come from."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from nurture.domain.model import Definition

_LONGEST_HOST: Final = 200


def _is_a_host(host: str) -> str:
    labels = host.split(".")
    if len(labels) < 2 or not all(label and label[0] != "-" and label[-1] != "-" for label in labels):  # noqa: PLR2004 - name and end
        raise ValueError(f"{host!r} is no host name; write one like bounces.example.com")
    return host.lower()


#: A host name in its ASCII form, in small letters. With a mail's name before it, it stays under the 254 characters of an address.
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$", max_length=_LONGEST_HOST), AfterValidator(_is_a_host)]

#: Who carries the mail, where its reports repeat what a header field told it.
Provider = Literal["brevo", "mailgun", "mailjet", "postmark", "sendgrid", "ses", "sparkpost"]

_LABEL: Final = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"


class Dkim(Definition):
    """How mail is signed by this engine, for where the relay does not sign (RFC 6376)."""

    domain: HostName
    """Whose signature it is: the sender's domain, or one above it, so that it counts for DMARC."""
    selector: Annotated[str, Field(pattern=rf"^{_LABEL}(\.{_LABEL})*$", max_length=63)]
    """Under which name the DNS has the public key: <selector>._domainkey.<domain>."""
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$", max_length=100)] | None = None
    """The file of the private key in the folder of keys (NURTURE_DKIM_DIR); <selector>.pem, if it is not named."""

    @property
    def key_file(self) -> str:
        """The file of the private key, relative to the folder of keys."""
        return self.key or f"{self.selector}.pem"


def aligned(one: str, other: str) -> bool:
    """Whether two hosts belong together for DMARC: they are the same, or one lies below the other."""
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")

"""What can be wrong in the DNS with whoever sends mail, and what to do about it."""

from typing import Final

from nurture.reports.doctor.finding import Book, Code

BOOK: Final = Book(
    "dns",
    {
        "spf-missing": Code(
            "error",
            "The DNS does not say who may send mail in the name of the envelope's domain (RFC 7208).",
            "publish a TXT record `v=spf1 include:THE-RELAY'S-DOMAIN ~all`; the relay's documentation names its own",
        ),
        "spf-several": Code(
            "error", "There are several SPF records, and so none counts (RFC 7208 §4.5).", "put their terms into one and delete the others"
        ),
        "spf-too-long": Code(
            "error",
            "Evaluating the SPF record takes more than ten lookups, so that it counts for nothing (RFC 7208 §4.6.4).",
            "delete what is not used any more; write ip4: and ip6: where addresses stay",
        ),
        "spf-broken": Code(
            "error", "The SPF record cannot be evaluated, so that it counts for nothing.", "correct the record of the domain named"
        ),
        "spf-open": Code("error", "The SPF record lets everybody send in our name.", "end it with ~all or -all"),
        "spf-neutral": Code(
            "warning", "The SPF record says nothing of those whom it does not name.", "end it with ~all or -all"
        ),
        "dkim-elsewhere": Code(
            "note",
            "Mail is not signed by this engine; somebody else must (Gmail and Yahoo ask it of whoever sends much).",
            "see that the relay signs in the name of the sender's domain, or make a key with `nurture keys dkim`",
        ),
        "dkim-key-missing": Code(
            "error", "The private key that signs mail cannot be read: no mail leaves.", "put it back, or make another", "nurture keys dkim"
        ),
        "dkim-missing": Code(
            "error",
            "The DNS does not have the key that mail is signed with: every signature fails (RFC 6376).",
            "publish the record that `nurture keys dkim` prints for this selector",
            "nurture keys dkim",
        ),
        "dkim-mismatch": Code(
            "error",
            "The DNS has another key than the one that mail is signed with: every signature fails.",
            "publish the record of the key in use, or put back the key that is published",
            "nurture keys dkim",
        ),
        "dkim-revoked": Code(
            "error",
            "The DNS says that the key was taken back (an empty p=): every signature fails.",
            "sign with another key and selector",
            "nurture keys dkim",
        ),
        "dkim-weak": Code(
            "warning", "The key that signs mail is shorter than 2048 bits (RFC 8301).", "make another under a new selector", "nurture keys dkim"
        ),
        "dkim-testing": Code(
            "note", "The DNS says that signatures are only being tried (t=y); some ignore them.", "delete t=y from the record"
        ),
        "dmarc-missing": Code(
            "warning",
            "There is no DMARC policy; Gmail, Yahoo and Microsoft ask for one of whoever sends much.",
            "publish at _dmarc the TXT record `v=DMARC1; p=none; rua=mailto:ADDRESS`",
        ),
        "dmarc-several": Code("warning", "There are several DMARC records, and so none counts.", "delete all but one"),
        "dmarc-broken": Code("warning", "The DMARC record names no policy, and so does not count.", "write p=none, quarantine or reject"),
        "dmarc-none": Code(
            "note",
            "The DMARC policy asks receivers to do nothing about forged mail.",
            "when the reports show nothing but our own mail, go on to p=quarantine",
        ),
        "not-aligned": Code(
            "error",
            "Neither SPF nor DKIM speaks for the sender's domain, so that DMARC fails for all mail.",
            "let bounce_domain or dkim.domain in sending.yaml lie below the sender's domain, or be it",
        ),
        "mx-null": Code(
            "error",
            "A domain that bounces and answers go to says that it takes no mail (RFC 7505).",
            "name the server of its mailbox in an MX record, or another address in sending.yaml",
        ),
        "mx-missing": Code(
            "error",
            "A domain that bounces and answers go to has no mail server: receivers take such senders for spam.",
            "name the server of its mailbox in an MX record",
        ),
        "ptr-missing": Code(
            "warning",
            "The address of a mail server has no name; if it delivers by itself, many refuse its mail.",
            "let whoever gave the address set its name (PTR)",
        ),
        "ptr-not-confirmed": Code(
            "warning",
            "The name of a mail server's address does not lead back to it; if it delivers by itself, many refuse its mail.",
            "let the name have this address, or have the address called by a name that has it",
        ),
        "link-host-missing": Code(
            "error", "The host of NURTURE_PUBLIC_URL has no address: no link in any mail leads anywhere.", "publish its address"
        ),
    },
)  # fmt: skip

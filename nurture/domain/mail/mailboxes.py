"""Which mailbox an address leads to, and how often forms may name it: nobody is bombed with our mail by somebody else.

Each person is guarded already (`dispatch`: the frequency cap, so many mails a day, the same mail once). But `ana+1@` and `ana+2@` are
two people to us, and one mailbox to Ana. So what counts here is the mailbox, over all forms.
"""

from typing import Final

#: So many form posts may name a mailbox within a day, unless config/sending.yaml says otherwise (`breakers.form_posts`).
FORM_POSTS: Final = 10

#: Providers that look past dots before the @, by each of their domains; the first of a provider stands for all.
_WITHOUT_DOTS: Final = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}


def mailbox_of(address: str) -> str:
    """What tells mailboxes apart: the address in small letters, without what follows a plus sign (RFC 5233), or dots where they say nothing.

    Two mailboxes may be taken for one by it, so it is good for counting and for nothing else.
    """
    local, _, domain = address.lower().rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _WITHOUT_DOTS:
        local, domain = local.replace(".", "") or local, _WITHOUT_DOTS[domain]
    return f"{local}@{domain}"


def is_named_too_often(posts: int, most: int | None) -> bool:
    """Whether a mailbox that `posts` form posts have named within a day, this one included, gets no more of them."""
    return most is not None and posts > most

"""The mails that the development mailbox keeps, as far as they go to people who are erased."""

from collections import Counter
from email import policy
from email.parser import BytesParser
from email.utils import getaddresses
from pathlib import Path

from nurture.domain.erasing import Traces


class KeptMails:
    """The .eml files of a folder, which need not be there; fulfils `flow.erase.Elsewhere`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def remove(self, traces: Traces, *, dry_run: bool = False) -> Counter[str]:
        removed = Counter[str]()
        for file in sorted(self._folder.glob("*.eml")) if traces.addresses else []:
            if not traces.addresses.isdisjoint(_recipients(file)):
                removed["kept_mails"] += 1
                if not dry_run:
                    file.unlink(missing_ok=True)
        return removed


def _recipients(file: Path) -> set[str]:
    try:
        mail = BytesParser(policy=policy.default).parsebytes(file.read_bytes(), headersonly=True)
    except FileNotFoundError:  # somebody else has just removed it
        return set()
    return {address.lower() for _, address in getaddresses([str(mail.get("to", ""))])}

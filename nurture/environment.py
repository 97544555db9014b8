"""The environment variables of an installation, and what they hold."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

PREFIX: Final = "NURTURE_"

#: Each transport beside the one that is always there has a variable of its own, which ends with its name.
SMTP_URL_OF: Final = "SMTP_URL_"
_TRANSPORT_URL: Final = re.compile(rf"{PREFIX}{SMTP_URL_OF}(?!FILE$)(\w+?)(_FILE)?")


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + (f"{SMTP_URL_OF}<NAME>" if field == "smtp_urls" else field.upper())


def gather(environ: Mapping[str, str], fields: Iterable[str], from_file: Iterable[str]) -> tuple[dict[str, Any], list[str]]:
    """The values given, by field, and the mistakes made in giving them. An empty variable counts as unset."""
    known = {variable(name): name for name in fields}
    known |= {variable(name) + "_FILE": name for name in from_file}
    given: dict[str, Any] = {}
    mistakes = []
    for name in sorted(name for name, value in environ.items() if name.startswith(PREFIX) and value):
        transport = _TRANSPORT_URL.fullmatch(name)
        if transport is not None:
            place, key, in_file = given.setdefault("smtp_urls", {}), transport[1].lower(), transport[2] is not None
        elif name in known:
            place, key, in_file = given, known[name], variable(known[name]) != name
        else:
            near = get_close_matches(name, known, n=1, cutoff=0.8)
            mistakes += [f"{name} is no setting; did you mean {near[0]}?"] if near else []
            continue
        if key in place:
            mistakes.append(f"{name.removesuffix('_FILE')} and {name} are both set; keep one")
        elif not in_file:
            place[key] = environ[name]
        else:
            try:
                place[key] = Path(environ[name]).read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                why = type(error).__name__
                mistakes.append(f"{name} names a file that cannot be read ({why}); correct the path or its rights")
    return given, mistakes

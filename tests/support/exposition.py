"""A strict reader of the Prometheus text format 0.0.4, which accepts nothing that a scraper might stumble over."""

import re
from typing import NamedTuple

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{({_LABEL}(?:,{_LABEL})*)\}})? (\S+)")


class Family(NamedTuple):
    """A metric: its type, its help, and its samples by their labels."""

    type: str
    help: str
    samples: dict[tuple[tuple[str, str], ...], float]


def read(text: str) -> dict[str, Family]:
    """The metrics of a text by name; fails the test where it is not in the format."""
    assert text.endswith("\n"), "the last line must end"
    families: dict[str, Family] = {}
    lines = text.removesuffix("\n").split("\n")
    for line in lines:
        if line.startswith("# HELP "):
            _, _, name, help_ = line.split(" ", 3)
            assert name not in families, f"{name} is told twice, or not together"
            families[name] = Family("", help_, {})
        elif line.startswith("# TYPE "):
            _, _, name, type_ = line.split(" ")
            assert not families[name].type, f"{name} has two types"
            assert not families[name].samples, f"the type of {name} stands behind its samples"
            families[name] = families[name]._replace(type=type_)
        else:
            found = _SAMPLE.fullmatch(line)
            assert found, f"no sample: {line!r}"
            assert found[1] == next(reversed(families)), f"{line!r} does not stand with its metric"
            labels = tuple(sorted((label, _plain(value)) for label, value in re.findall(_LABEL, found[2] or "")))
            assert labels not in families[found[1]].samples, f"{line!r} is told twice"
            families[found[1]].samples[labels] = float(found.groups()[-1])
    assert all(family.type in {"counter", "gauge"} and family.samples for family in families.values())
    return families


def _plain(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], value)


def value(text: str, name: str, **labels: str) -> float:
    """One sample of a text."""
    return read(text)[name].samples[tuple(sorted(labels.items()))]

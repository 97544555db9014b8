"""Results of cases as JUnit XML, in the form that CI servers read.

There is no standard; this is what Jenkins, GitLab, GitHub's reporters and the like have in common (the schema of Apache Ant's
`junitreport` with the attributes `file` and `line` that pytest and others add).
"""

import re
from collections.abc import Sequence
from io import BytesIO
from itertools import groupby
from typing import Final
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from nurture.simulation.cases.results import Result

#: What XML 1.0 cannot hold (its production Char).
_UNFIT: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(results: Sequence[Result]) -> bytes:
    """The document, a suite for each file."""
    root = Element("testsuites", {"name": "nurture test", **_counts(results)})
    for file, group in groupby(results, key=lambda result: result.file):
        of_file = [*group]
        suite = SubElement(root, "testsuite", {"name": _fit(file), "file": _fit(file), **_counts(of_file)})
        for result in of_file:
            _add(suite, result)
    indent(root)
    written = BytesIO()
    ElementTree(root).write(written, encoding="utf-8", xml_declaration=True)
    return written.getvalue() + b"\n"


def _counts(results: Sequence[Result]) -> dict[str, str]:
    failed = sum(not result.passed for result in results)
    seconds = sum(result.seconds for result in results)
    return {"tests": str(len(results)), "failures": str(failed), "errors": "0", "skipped": "0", "time": f"{seconds:.3f}"}


def _add(suite: Element, result: Result) -> None:
    classname = result.file.rpartition("/")[2].removesuffix(".yaml")
    case = SubElement(
        suite, "testcase", name=_fit(result.case), classname=_fit(classname), file=_fit(result.file),
        line=str(result.spot.line), time=f"{result.seconds:.3f}",
    )  # fmt: skip
    if not result.passed:
        lines = [
            line for why in result.why for line in (f"{result.file}:{why.spot.line}:{why.spot.column}: {why.key}", *why.lines())
        ]
        first = result.why[0]
        message = f"line {first.spot.line}, {first.key}: {' '.join(first.failure.diff)}"
        SubElement(case, "failure", message=_fit(message), type="expectation").text = _fit("\n".join(lines))


def _fit(text: str) -> str:
    return _UNFIT.sub("\ufffd", text)

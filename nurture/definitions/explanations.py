"""What Pydantic says of a document, said to a marketer: what is wrong, where exactly, and what to write instead."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from nurture.definitions.document import IN_KEY, RESERVED_KEY, Node
from nurture.definitions.mistakes import Flaw, flaw
from nurture.definitions.shape import keys_at
from nurture.domain.channels import HOST_PATTERN, PARAMETER_PATTERN, SOURCE_PATTERN
from nurture.domain.content import LANGUAGE_PATTERN
from nurture.domain.mail.sending import URL_PATTERN
from nurture.domain.model import SLUG_PATTERN, Definition, Place
from nurture.domain.reporting import CURRENCY_PATTERN
from nurture.domain.scoring import BAND_PATTERN, GRADE_PATTERN
from nurture.domain.steps import STEP_KINDS
from nurture.domain.wording import completed, instead, nearest

#: Alike enough (difflib's ratio) to say that one is the other.
_SURELY: Final = 0.75


class Complaint(NamedTuple):
    """One of Pydantic's errors. `location` is its `loc`: the way through the document, with the shapes that were chosen."""

    kind: str
    location: Place
    message: str
    context: Mapping[str, Any]

    @property
    def place(self) -> Place:
        """The way through the document alone."""
        return tuple(step for step in self.location if not RESERVED_KEY.fullmatch(str(step)))

    @property
    def name(self) -> str:
        """What the place is called in a sentence."""
        last = self.place[-1] if self.place else None
        return repr(last) if isinstance(last, str) else "this entry" if self.place else "this file"


def explain(complaints: Iterable[Complaint], model: type[Definition], document: Node) -> Iterator[tuple[Complaint, Flaw]]:
    """Each complaint as a flaw; a key that is missing only because it was misspelt is not reported twice."""
    complaints = [_grounded(each, document) for each in complaints]
    accounted = {
        place for each in complaints if each.kind == "extra_forbidden" for place in _accounted_for(each, model, document)
    }
    for each in complaints:
        if (each.kind != "missing" or each.place not in accounted) and not _is_echo(each, complaints):
            yield each, _flaw(each, model, document)


def _grounded(complaint: Complaint, document: Node) -> Complaint:
    """The complaint at a place that exists: `on: 5` is complained of as the first of a list."""
    while complaint.kind != "missing" and not document.has(complaint.place):
        complaint = complaint._replace(location=complaint.location[:-1])
    return complaint


def _is_echo(complaint: Complaint, complaints: list[Complaint]) -> bool:
    """Whether a list is called too short only because its items were complained of."""
    within = complaint.place
    return complaint.kind == "too_short" and any(
        each.place[: len(within)] == within and (each.kind != "too_short" or each.place != within) for each in complaints
    )


def _accounted_for(unknown: Complaint, model: type[Definition], document: Node) -> Iterator[Place]:
    """The places that an unknown key explains: it was meant for one, or its whole mapping is something else."""
    near = _near_miss(unknown, model, document)
    if near is not None:
        yield (*unknown.place[:-1], near)
    if near in ("else", "share") or unknown.place[-1] in STEP_KINDS:
        yield from ((*unknown.place[:-1], key) for key in ("if", "id"))


def _flaw(complaint: Complaint, model: type[Definition], document: Node) -> Flaw:
    node = document.at(complaint.place)
    match complaint.kind:
        case "missing":
            return _missing(complaint, model, node)
        case "extra_forbidden":
            return _unknown_key(complaint, model, document)
        case "step":
            return _no_step(complaint, node)
        case "mistake" | "mistake_in_key":
            return flaw(node.key if complaint.kind == "mistake_in_key" else node.spot, str(complaint.context["text"]))
    spot = node.key if IN_KEY in complaint.location else node.spot
    if node.content is None and document.has(complaint.place):
        return Flaw(spot, f"nothing stands behind {complaint.name}", "write a value, or delete the line")
    if complaint.kind in {"model_type", "model_attributes_type"}:
        keys = ", ".join(keys_at(model, complaint.location))
        return Flaw(
            spot, f"{complaint.name} takes keys of its own, not {_described(node.content)}", f"write them below it: {keys}"
        )
    value = complaint.place[-1] if IN_KEY in complaint.location else node.content
    explanation = _EXPLANATIONS.get(complaint.kind)
    return flaw(spot, explanation(complaint, value) if explanation else complaint.message)


def _missing(complaint: Complaint, model: type[Definition], parent: Node) -> Flaw:
    key = str(complaint.place[-1])
    purpose = keys_at(model, complaint.location[:-1]).get(key, "").rstrip(".")
    return Flaw(parent.spot, f"{key!r} is missing here", f"add '{key}: …'" + (f" ({_small(purpose)})" if purpose else ""))


def _small(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _near_miss(complaint: Complaint, model: type[Definition], document: Node) -> str | None:
    present, key = document.at(complaint.place[:-1]).content, str(complaint.place[-1])
    keys = [*keys_at(model, complaint.location[:-1]), *(["else", "share"] if complaint.location[-2:-1] == ("<Arm>",) else [])]
    absent = [each for each in keys if not isinstance(present, dict) or each not in present]
    return _meant(key, absent)


def _meant(key: str, keys: Iterable[str], *, alike: float = 0.6) -> str | None:
    """The key that was probably meant: misspelt, cut short, or called as other tools call it."""
    keys = list(keys)
    return (
        nearest(key, keys, alike=alike)
        or completed(key, keys)
        or next((each for each in keys if key.lower() in _ELSEWHERE.get(each, ())), None)
    )


#: What other tools call our keys.
_ELSEWHERE: Final[Mapping[str, tuple[str, ...]]] = {
    "branch": ("choice", "condition", "decision", "split", "switch"),
    "cap": ("limit", "max", "maximum"),
    "else": ("default", "otherwise"),
    "email": ("message", "send", "template"),
    "if": ("condition", "when", "where"),
    "on": ("action", "event", "trigger"),
    "points": ("score", "value", "weight"),
    "stages": ("states", "status", "steps"),
    "then": ("actions", "do", "steps"),
    "wait": ("delay", "hold", "pause", "sleep", "timer"),
    "when": ("condition", "if", "where"),
    "where": ("condition", "filter", "if", "when"),
}


def _unknown_key(complaint: Complaint, model: type[Definition], document: Node) -> Flaw:
    key, spot = str(complaint.place[-1]), document.at(complaint.place).key
    kind = next((known for known, shape in STEP_KINDS.items() if complaint.location[-2:-1] == (shape,)), None)
    if kind is not None and key in STEP_KINDS:
        return Flaw(spot, f"one step cannot hold both {kind!r} and {key!r}", "write two steps, each behind its own '-'")
    near = _near_miss(complaint, model, document)
    keys = keys_at(model, complaint.location[:-1])
    present = None if near else nearest(key, keys, alike=_SURELY)
    if present is not None:
        return Flaw(spot, f"unknown key {key!r}", f"{present!r} is there already, so delete one of them")
    return Flaw(spot, f"unknown key {key!r}", f"did you mean {near!r}?" if near else f"the keys here are {', '.join(keys)}")


def _no_step(complaint: Complaint, node: Node) -> Flaw:
    if isinstance(node.content, dict):
        for key, child in node.content.items():
            near = _meant(key, STEP_KINDS, alike=_SURELY)
            if near:
                return Flaw(child.key, f"unknown key {key!r}", f"did you mean {near!r}?")
    return flaw(node.spot, str(complaint.context["text"]))


def _said_by_model(complaint: Complaint, _: Any) -> str:
    """A ValueError of ours is worded already; a library's is not."""
    reason = complaint.context.get("reason")  # email-validator's, which does not repeat the address
    if reason is not None:
        return f"this is no e-mail address; {_small(str(reason)).rstrip('.')}"
    return str(complaint.context.get("error", complaint.message))


def _wrong_type(wanted: str) -> Callable[[Complaint, Any], str]:
    def explanation(complaint: Complaint, value: Any) -> str:
        return f"{complaint.name} takes {wanted}, not {_described(value)}; {_in_that_type(wanted, value)}"

    return explanation


_TEXT: Final = "a text"
_WHOLE_NUMBER: Final = "a whole number"
_YES_OR_NO: Final = "true or false"
_LIST: Final = "a list"
_MAPPING: Final = "keys of its own"


def _described(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {value!r}" if len(value) <= 40 else "a text"  # noqa: PLR2004 - what fits into a message
        case list():
            return "a list"
    return "keys of its own"


def _in_that_type(wanted: str, value: Any) -> str:
    """The same value as the type that is wanted, or an example of one."""
    if wanted == _TEXT and isinstance(value, int | float):
        return f"put it in quotes: '{str(value).lower() if isinstance(value, bool) else value}'"
    if wanted == _WHOLE_NUMBER and isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value.strip(), re.ASCII):
        return f"write it without quotes: {int(value)}"
    if wanted == _YES_OR_NO and str(value).lower() in {"yes", "on", "y", "1", "oui", "no", "off", "n", "0", "non"}:
        return f"write {'true' if str(value).lower() in {'yes', 'on', 'y', '1', 'oui'} else 'false'}"
    if wanted == _LIST and not isinstance(value, list | str):
        return "put '- ' before each of its items"
    if wanted == _LIST:
        return f"write [{value}]"
    examples = {
        _MAPPING: "write 'key: value' lines below it, or {key: value}",
        _YES_OR_NO: "write true or false",
        _WHOLE_NUMBER: "write one such as 5",
    }
    return examples.get(wanted, "write one on this line")


def _no_choice(complaint: Complaint, value: Any) -> str:
    expected = str(complaint.context["expected"])
    choice = re.findall(r"'([^']*)'", expected) or [expected.lower()]
    shown = repr(value) if isinstance(value, str) else _described(value)
    if complaint.location[-1:] == ("<any>",):
        return f'{shown} is no window; write any, or hours of its own: {{days: mon-fri, hours: "09:00-18:00"}}'
    return f"{shown} is none of the choices here; {instead(value, choice)}"


def _no_pattern(complaint: Complaint, value: Any) -> str:
    explanation = _PATTERNS.get(str(complaint.context["pattern"]))
    return explanation(str(value)) if explanation else complaint.message


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")[:64].rstrip("-_") or "case-study"


_PATTERNS: Final[Mapping[str, Callable[[str], str]]] = {
    SLUG_PATTERN: lambda text: f"{text!r} is no name; use small letters, digits, '-' and '_' only, such as {_slug(text)}",
    GRADE_PATTERN: lambda text: f"{text!r} is no grade; write one capital letter, A being the best",
    BAND_PATTERN: lambda text: f"{text!r} is no band; write one digit from 1 to 9, 1 being the warmest",
    LANGUAGE_PATTERN: lambda text: f"{text!r} is no language; write it like en or fr-CA",
    SOURCE_PATTERN: lambda text: f"{text!r} is neither a host nor a name; write it like example.com, example or example.*",
    HOST_PATTERN: lambda text: f"{text!r} is no host; write it like example.com",
    PARAMETER_PATTERN: lambda text: f"{text!r} is no name of a parameter; write what stands before the '=', such as gclid",
    URL_PATTERN: lambda text: f"{text!r} is no web address; write it whole, like https://www.example.com/privacy",
    CURRENCY_PATTERN: lambda text: f"{text!r} is no currency; write its three capital letters, such as EUR",
}


def _limit(bound: str, words: str) -> Callable[[Complaint, Any], str]:
    def explanation(complaint: Complaint, value: Any) -> str:
        size = "small" if bound.startswith("g") else "large"
        return f"{value} is too {size} for {complaint.name}; write {complaint.context[bound]} {words}"

    return explanation


def _too_few(complaint: Complaint, _: Any) -> str:
    least = _counted(complaint.context["min_length"])
    return f"{complaint.name} is {'too short' if complaint.context['actual_length'] else 'empty'}; give it at least {least}"


def _counted(number: int) -> str:
    return "one entry" if number == 1 else f"{number} entries"


_EXPLANATIONS: Final[Mapping[str, Callable[[Complaint, Any], str]]] = {
    "value_error": _said_by_model,
    "literal_error": _no_choice,
    "enum": _no_choice,
    "string_pattern_mismatch": _no_pattern,
    "string_type": _wrong_type(_TEXT),
    "int_type": _wrong_type(_WHOLE_NUMBER),
    "int_from_float": _wrong_type(_WHOLE_NUMBER),
    "bool_type": _wrong_type(_YES_OR_NO),
    "tuple_type": _wrong_type(_LIST),
    "dict_type": _wrong_type(_MAPPING),
    "greater_than": lambda complaint, value: f"{value} is no time for {complaint.name}; write how long, such as 2d",
    "greater_than_equal": _limit("ge", "or more"),
    "less_than_equal": _limit("le", "or less"),
    "too_short": _too_few,
    "too_long": lambda complaint, _: f"{complaint.name} is too long; keep to {_counted(complaint.context['max_length'])}",
    "string_too_short": lambda complaint, _: f"{complaint.name} is empty; write a text",
    "string_too_long": lambda complaint, _: f"{complaint.name} is too long; keep to {complaint.context['max_length']} characters",
}

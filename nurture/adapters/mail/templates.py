"""E-mail templates: where they lie, which language a reader gets, and how they become Jinja2.

`<folder>/<name>/<language>.md` holds both parts of a mail. `<language>.html` or `<language>.mjml`, with `<language>.txt` beside
it, takes its place where somebody wants full control. All begin with front matter: `subject`, and `preheader`, which mail
programs show beside the subject. `_layouts/base.html` and `_layouts/base.txt` surround what is written in Markdown.

Jinja2 keeps what it has compiled until a file changes. The parts of a source are templates of their own, named after the
file: `case-study/fr.md:subject`, `:preheader`, `:html`, `:text`.
"""

import math
import re
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from functools import lru_cache
from io import StringIO
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple

from jinja2 import (
    BaseLoader,
    Environment,
    StrictUndefined,
    TemplateNotFound,
    TemplatesNotFound,
    TemplateSyntaxError,
)  # fmt: skip
from jinja2 import TemplateError as JinjaError
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from nurture.adapters.mail.links import LINK, Links
from nurture.adapters.mail.markdown import Rendered
from nurture.adapters.mail.mjml_source import html_of
from nurture.adapters.mail.person import PersonFacts
from nurture.adapters.mail.slots import Slots, Source
from nurture.errors import SettingsError, TemplateError

#: What every template may use.
OFFERED: Final = frozenset({
    "person", "sender", "organisation", "asset", "confirm", "links", "language", "subject", "preheader",
})  # fmt: skip

LAYOUTS: Final = "_layouts"
PARTS: Final = ("subject", "preheader", "html", "text")

#: Sources of the HTML part alone, each before what it takes the place of; the text part lies beside them.
DESIGNS: Final = (".html", ".mjml")

_FRONT: Final = re.compile(r"\A---[ \t]*\n(?P<yaml>.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_IN_LAYOUT: Final = '{{% extends "_layouts/base.{}" %}}{{% block body %}}\n{}{{% endblock %}}'

#: What a template repeats by `*` has at most so many characters or members.
_LONGEST_REPEATED: Final = 10_000

#: They would let what people typed become HTML, or a link.
_FILTERS_TAKEN_AWAY: Final = ("safe", "urlize", "xmlattr")


class Sheet(NamedTuple):
    """A source as read: its front matter with the line of each entry, and its body, on the lines where it stands."""

    front: Mapping[str, str]
    lines: Mapping[str, int]
    body: str


class Choice(NamedTuple):
    """The source that a reader gets: `file` relative to the folder, such as `case-study/fr.md`."""

    file: str
    language: str

    def part(self, name: str) -> str:
        """The name of one of `PARTS` as a template."""
        designed = name == "text" and self.file.endswith(DESIGNS)
        return f"{self.file.rpartition('.')[0]}.txt:{name}" if designed else f"{self.file}:{name}"


class SourceError(TemplateSyntaxError):
    """A file that cannot become a template; `lineno` counts in the file."""


def read_sheet(path: Path) -> Sheet:
    """A source read from its file; raises jinja2.TemplateSyntaxError for what cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise TemplateSyntaxError("the file is not in UTF-8; save it as UTF-8", 1) from None
    found = _FRONT.match(text)
    if found is None:
        return Sheet({}, {}, text)
    try:
        front = YAML(typ="rt").load(StringIO(found["yaml"]))
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 1
        raise TemplateSyntaxError(
            f"the front matter is no YAML ({getattr(error, 'problem', error)}); put texts in quotes", line
        ) from None
    if not isinstance(front, CommentedMap):
        raise TemplateSyntaxError("the front matter names nothing; write at least 'subject: …'", 1)
    lines = {str(key): front.lc.key(key)[0] + 2 for key in front}
    values = {str(key): " ".join(str(value).split()) if value is not None else "" for key, value in front.items()}
    return Sheet(values, lines, "\n" * found[0].count("\n") + text[found.end() :])


class Loader(BaseLoader):
    """Finds templates and turns them into Jinja2 source; Jinja2 asks again when a file has changed."""

    def __init__(self, folder: Path, patience: float = 0.0) -> None:
        self._folder = folder
        self._patience = patience
        self._sources: dict[str, Source] = {}
        self._stamps: dict[str, tuple[int, int]] = {}
        self._looked_at = -math.inf

    def stamp(self, file: str) -> tuple[int, int]:
        """When a file was changed last, and its size; zeros if there is none. What was seen less than `patience` ago still holds."""
        if time.monotonic() - self._looked_at >= self._patience:
            self._stamps.clear()
            self._looked_at = time.monotonic()
        if file not in self._stamps:
            self._stamps[file] = _stamp(self._folder / file)
        return self._stamps[file]

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        file, _, part = template.partition(":")
        path = self._folder / file
        # An absolute path would take the place of the folder, and `/proc/self/environ` holds the secrets of the process.
        if Path(file).is_absolute() or ".." in Path(file).parts or not path.is_file():
            raise TemplateNotFound(template)
        stamp = self.stamp(file)
        try:
            source = _translated(path, part, environment)
        except TemplateSyntaxError as error:
            raise SourceError(error.message or "", error.lineno, template, template) from None
        self._sources[template] = source
        return source.text, template, lambda: self.stamp(file) == stamp

    def line(self, template: str, line: int) -> int:
        """The line of the file that a line of a template, as Jinja2 sees it, comes from."""
        source = self._sources.get(template)
        return line if source is None or not source.origins else source.line_in_file(line)

    def fixed(self, template: str) -> str | None:
        """The text of a template that was loaded, if it is the same for everybody."""
        source = self._sources.get(template)
        return source.text if source is not None and "{" not in source.text else None

    def knows(self, template: str) -> bool:
        return template in self._sources


_NOTHING: Final = (0, 0)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return _NOTHING
    return status.st_mtime_ns, status.st_size


def _translated(path: Path, part: str, environment: Environment) -> Source:
    sheet = read_sheet(path)
    if part in {"subject", "preheader"}:
        return Source(sheet.front.get(part, ""), ((1, sheet.lines.get(part, 1)),))
    slots = Slots()
    links = Links(slots, environment)
    marked = slots.lift(sheet.body, environment)
    if path.suffix == ".md":
        rendered = Rendered(marked, links)
        kind, body = ("html", rendered.html()) if part == "html" else ("txt", rendered.text(_colon(path.stem)))
        _must_stand_alone(slots.put_back(body), environment)
        return slots.put_back(_IN_LAYOUT.format(kind, body))
    if path.suffix == ".mjml":
        return slots.put_back(html_of(links.in_html(marked), slots))
    # Only addresses change, so lines stay where they are.
    return Source(slots.put_back(links.in_html(marked) if path.suffix == ".html" else links.in_text(marked)).text, ())


def _must_stand_alone(body: Source, environment: Environment) -> None:
    """Raises jinja2.TemplateSyntaxError for a mistake in a body, before a layout around it can blur what is wrong."""
    try:
        environment.parse(body.text)
    except TemplateSyntaxError as error:
        raise TemplateSyntaxError(error.message or "", body.line_in_file(error.lineno)) from None


def _colon(language: str) -> str:
    """French puts an unbreakable space before its colon."""
    return "\u00a0:" if language.startswith("fr") else ":"


class _Missing(StrictUndefined):
    """Says what to do about a person of whom something is not known."""

    @property
    def _undefined_message(self) -> str:
        name = self._undefined_name
        if isinstance(self._undefined_obj, PersonFacts):
            return f'person.{name} is not known of this person; give a default: {{{{ person.{name} | default("…") }}}}'
        return super()._undefined_message


class _Sandbox(ImmutableSandboxedEnvironment):
    """Nothing of a template changes or reads what is not its own, and no single expression takes all memory or time."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Asked once for each attribute of each type, for a mail reads fifty: the answer depends on nothing else, and there are few.
        self._may_be_read: dict[tuple[type, str], bool] = {}

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        # Jinja2's own chain of mappings is walked through in Python for each page; our globals never change.
        return {**self.globals, **(d or {})}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        known = type(obj), attr
        if known not in self._may_be_read:
            self._may_be_read[known] = super().is_safe_attribute(obj, attr, value)
        return self._may_be_read[known]

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        own: Any = context.parent.get(LINK)
        if obj is own:  # most of what a mail calls; the call was written by `Links`, with nothing by name but what Jinja2 adds
            return obj(*args)
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or (operator == "%" and isinstance(left, str)):
            raise SecurityError(f"the operator {operator} is not for mails; work out beforehand what is to stand there")
        if operator == "*" and any(
            isinstance(each, Sequence) and isinstance(times, int) and len(each) * times > _LONGEST_REPEATED
            for each, times in ((left, right), (right, left))
        ):
            raise SecurityError(f"by * a text or a list grows to {_LONGEST_REPEATED:,} at most; repeat it less often")
        return super().call_binop(context, operator, left, right)


def make_environment(loader: BaseLoader) -> Environment:
    """Jinja2 for untrusted values: sandboxed, strict about what is missing, HTML escaped in HTML."""
    environment = _Sandbox(
        loader=loader, undefined=_Missing, autoescape=lambda name: bool(name and name.endswith("html")), cache_size=1024,
    )  # fmt: skip
    for name in _FILTERS_TAKEN_AWAY:
        del environment.filters[name]
    return environment


class Templates:
    """The e-mails of one folder. A file that changes is read anew after `patience` seconds at the latest."""

    def __init__(self, folder: Path, patience: float = 0.0) -> None:
        self.folder = folder
        self.loader = Loader(folder, patience)
        self.environment = make_environment(self.loader)

    def choose(self, name: str, languages: Iterable[str]) -> Choice:
        """The source of an e-mail in the first language that it has, else in any; raises TemplateError if there is none."""
        for language in languages_to_try(languages):
            for suffix in (*DESIGNS, ".md"):
                file = f"{name}/{language}{suffix}"
                if self.loader.stamp(file) != _NOTHING:
                    return Choice(file, language)
        for choice in self.sources(name):
            return choice
        raise TemplateError(f"there is no e-mail {name!r}; write {name}/en.md in the folder of the e-mail templates")

    def sources(self, name: str) -> list[Choice]:
        """Every source of an e-mail, by language."""
        files = chain.from_iterable((self.folder / name).glob(f"*{suffix}") for suffix in (*DESIGNS, ".md"))
        by_language = {path.stem: Choice(f"{name}/{path.name}", path.stem) for path in reversed([*files])}
        return [by_language[language] for language in sorted(by_language)]

    def names(self) -> list[str]:
        """Every e-mail."""
        return sorted(path.name for path in self.folder.glob("*") if path.is_dir() and not path.name.startswith(("_", ".")))

    def render(self, template: str, context: Mapping[str, Any]) -> str:
        """A template rendered; raises TemplateError with the file, the line and what is wrong, SettingsError for want of MJML."""
        return "".join(self.pieces(template, context))

    def pieces(self, template: str, context: Mapping[str, Any]) -> list[str]:
        """The same in pieces: what stands in the file, and what it asks for, by turns; raises what `render` does."""
        try:
            loaded = self.environment.get_template(template)
            fixed = self.loader.fixed(template)
            return [*loaded.generate(context)] if fixed is None else [fixed]
        except SettingsError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a template does wrong is its author's to mend
            raise TemplateError(f"{self._place(error, template)}: {_said(error)}") from None

    def render_line(self, line: str, context: Mapping[str, Any]) -> str:
        """A line that stands in no file, such as a variant's subject, rendered; raises TemplateError that quotes it."""
        try:
            return self.environment.from_string(line).render(context)
        except Exception as error:  # noqa: BLE001 - whatever a line does wrong is its author's to mend
            raise TemplateError(f"{line!r}: {_said(error)}") from None

    def _place(self, error: Exception, template: str) -> str:
        if isinstance(error, SourceError):
            return f"{file_of(error.name or template)}:{error.lineno}"
        if isinstance(error, TemplateSyntaxError):
            frames = [(error.name or template, error.lineno)]
        else:
            frames = [frame for frame in _frames(error.__traceback__) if self.loader.knows(frame[0])]
        if not frames:
            return file_of(template)
        name, line = frames[-1]
        return f"{file_of(name)}:{self.loader.line(name, line)}"


def file_of(template: str) -> str:
    """The file, relative to the folder, of a template by its name."""
    return template.partition(":")[0]


def languages_to_try(languages: Iterable[str]) -> list[str]:
    """`fr-CA` then `fr`, for each of the languages in turn; each once, in the usual capitals."""
    return list(_languages_to_try(tuple(languages)))


@lru_cache(maxsize=256)  # asked for each mail, and there are few
def _languages_to_try(languages: tuple[str, ...]) -> tuple[str, ...]:
    tried: dict[str, None] = {}
    for tag in languages:
        language, _, region = tag.strip().replace("_", "-").partition("-")
        if region:
            tried[f"{language.lower()}-{region.upper()}"] = None
        tried[language.lower()] = None
    return tuple(tag for tag in tried if re.fullmatch(r"[a-z]{2,3}(-[A-Z0-9]{2,3})?", tag))


def _frames(trace: TracebackType | None) -> Iterable[tuple[str, int]]:
    while trace is not None:
        yield trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next


def _said(error: Exception) -> str:
    if isinstance(error, TemplatesNotFound | TemplateNotFound):
        return f"there is no template {error.name}"
    if isinstance(error, JinjaError | TemplateError):
        return str(error.args[0] if error.args else error)
    return f"{type(error).__name__}; look at what the expression does with its value"

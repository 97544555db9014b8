"""What is wrong with the e-mail templates, found without sending anything: for `nurture check`."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from jinja2 import TemplateNotFound, TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables

from nurture.adapters.mail.links import LINK
from nurture.adapters.mail.reader_links import AssetLink, ConfirmLink, OwnLinks
from nurture.adapters.mail.templates import (
    DESIGNS,
    LAYOUTS,
    OFFERED,
    PARTS,
    Choice,
    SourceError,
    Templates,
    file_of,
    languages_to_try,
    read_sheet,
)
from nurture.domain.definitions import Definitions
from nurture.domain.mail.sending import Organisation, Sender
from nurture.domain.steps import variant_text
from nurture.domain.wording import instead, nearest
from nurture.errors import SettingsError

_SUFFIXES: Final = (".md", *DESIGNS, ".txt")
_LAYOUT_FILES: Final = (f"{LAYOUTS}/base.html", f"{LAYOUTS}/base.txt")

#: What may be asked of the objects whose parts are known; those of `person` depend on the person.
_ATTRIBUTES: Final = {
    "sender": frozenset(Sender.model_fields),
    "organisation": frozenset(Organisation.model_fields),
    "links": frozenset(OwnLinks._fields),
}


class Problem(NamedTuple):
    """A mistake: `what; what to do about it`, at a line (from 1) of a file.

    An e-mail that nobody wrote has no file: `path` is then its name, to be reported wherever a step names it. A variant's subject
    or preheader has none either: `path` is then what `variant_text` calls it.
    """

    path: Path | str
    line: int
    what: str


def template_problems(templates_dir: Path, definitions: Definitions) -> list[Problem]:
    """Every mistake in the folder of e-mail templates, and every e-mail that a sequence or a pool names and nobody wrote."""
    templates = Templates(templates_dir)
    problems = [*_missing(templates, definitions), *_of_variants(templates, definitions)]
    for name in templates.names():
        problems += _doubtful_files(templates_dir / name)
        for choice in templates.sources(name):
            problems += _problems_of(templates, choice, definitions)
    for file in _LAYOUT_FILES:
        if (templates_dir / file).is_file():
            problems += _problems_in(templates, file, definitions)
        else:
            problems.append(Problem(templates_dir / file, 1, "this layout is missing; e-mails in Markdown are written into it"))
    return sorted(set(problems), key=lambda problem: (str(problem.path), problem.line, problem.what))


def _missing(templates: Templates, definitions: Definitions) -> Iterator[Problem]:
    """E-mails that are named and that nobody wrote, or nobody in the language that everybody falls back to."""
    language = definitions.sending.default_language
    written = templates.names()
    for name in sorted({*definitions.emails()}):
        known = {choice.language for choice in templates.sources(name)}
        if not known:
            near = nearest(name, written)
            hint = f"did you mean {near!r}?" if near else f"write {name}/{language}.md in the folder of the e-mail templates"
            yield Problem(name, 1, f"nobody wrote the e-mail {name!r}; {hint}")
        elif not known.intersection(languages_to_try([language])):
            spoken = ", ".join(sorted(known))
            missing = templates.folder / name / f"{language}.md"
            yield Problem(missing, 1, f"{name!r} exists in {spoken} only; write it in {language}, the default language, too")


def _doubtful_files(folder: Path) -> Iterator[Problem]:
    """Files of an e-mail that nobody reads, and languages that are none."""
    for path in sorted(folder.iterdir()):
        if path.suffix not in _SUFFIXES:
            continue
        if languages_to_try([path.stem])[:1] != [path.stem]:
            yield Problem(path, 1, f"{path.stem!r} is no language; name the file like fr{path.suffix} or fr-CA{path.suffix}")
        designs = [path.with_suffix(suffix) for suffix in DESIGNS if path.with_suffix(suffix).is_file()]
        if path.suffix != ".txt" and designs and path != designs[0]:
            yield Problem(path, 1, f"{designs[0].name} takes the place of this file; remove one of the two")
        if path.suffix == ".txt" and not designs:
            yield Problem(path, 1, f"without {path.stem}.html beside it this file is never read; write that, or {path.stem}.md")
        if path.suffix in DESIGNS and not path.with_suffix(".txt").is_file():
            yield Problem(path, 1, f"there is no text part; write {path.stem}.txt with the same words and links")


def _problems_of(templates: Templates, choice: Choice, definitions: Definitions) -> Iterator[Problem]:
    path = templates.folder / choice.file
    try:
        sheet = read_sheet(path)
    except TemplateSyntaxError as error:
        yield Problem(path, error.lineno, _said(error))
        return
    if not sheet.front.get("subject"):
        yield Problem(path, sheet.lines.get("subject", 1), "the subject is empty; write 'subject: …' in the front matter")
    for key in sorted(set(sheet.front) - {"subject", "preheader"}):
        yield Problem(path, sheet.lines[key], f"the front matter has no {key!r}; {instead(key, ['subject', 'preheader'])}")
    # Both parts of a Markdown source hold the same Jinja2.
    for part in PARTS if path.suffix in DESIGNS else ("subject", "preheader", "html"):
        yield from _problems_in(templates, choice.part(part), definitions)
    if path.suffix in DESIGNS:
        yield from _without_unsubscribe_link(path)


def _without_unsubscribe_link(path: Path) -> Iterator[Problem]:
    for part in (path, path.with_suffix(".txt")):
        text = part.read_text(encoding="utf-8", errors="replace") if part.is_file() else "{% extends"
        if "links.unsubscribe" not in text and "{% extends" not in text:
            yield Problem(part, 1, "there is no unsubscribe link; write {{ links.unsubscribe }}, or extend a layout")


def _of_variants(templates: Templates, definitions: Definitions) -> Iterator[Problem]:
    """What is wrong with the subjects and preheaders of variants."""
    for sequence in definitions.sequences.values():
        for step in sequence.emails():
            for name, part, text in step.variant_texts():
                called = variant_text(sequence.sequence, step.id, name, part)
                try:
                    tree = templates.environment.parse(text, called)
                    templates.environment.compile(text, called)
                except TemplateSyntaxError as error:
                    yield Problem(called, 1, _said(error))
                else:
                    yield from (Problem(called, 1, what) for _, what in _mistakes(tree, templates, definitions))


def _problems_in(templates: Templates, template: str, definitions: Definitions) -> Iterator[Problem]:
    """What is wrong with one Jinja2 source."""
    environment, loader = templates.environment, templates.loader
    path = templates.folder / file_of(template)
    try:
        source, _, _ = loader.get_source(environment, template)
        tree = environment.parse(source, template)
        environment.compile(source, template)
    except SettingsError as error:
        yield Problem(path, 1, str(error))
    except TemplateNotFound:
        return  # a file that is missing was named before
    except SourceError as error:
        yield Problem(path, error.lineno, _said(error))
    except TemplateSyntaxError as error:
        yield Problem(path, loader.line(template, error.lineno), _said(error))
    else:
        for node, what in _mistakes(tree, templates, definitions):
            yield Problem(path, loader.line(template, node.lineno), what)


def _said(error: TemplateSyntaxError) -> str:
    """Jinja2 says what is wrong; our own errors say what to do, too."""
    text = (error.message or "this cannot be read").rstrip(".")
    return text if "; " in text else f"{text}; correct the template"


def _mistakes(tree: nodes.Template, templates: Templates, definitions: Definitions) -> Iterator[tuple[nodes.Node, str]]:
    unknown = find_undeclared_variables(tree) - OFFERED - {LINK} - set(templates.environment.globals)
    for name in tree.find_all(nodes.Name):
        if name.name in unknown:
            yield name, f"there is no variable {name.name!r}; {instead(name.name, sorted(OFFERED))}"
    for attribute in tree.find_all(nodes.Getattr):
        known = _attributes_of(attribute.node)
        if known is not None and attribute.attr not in known:
            yield attribute, f"there is no {attribute.attr!r} there; {instead(attribute.attr, known)}"
    for call in tree.find_all(nodes.Call):
        for kind, there in (("asset", definitions.assets), ("confirm", definitions.consents.purposes)):
            named = _named(call, kind)
            if named is not None and named not in there:
                what = "asset" if kind == "asset" else "purpose"
                yield call, f"there is no {what} {named!r}; {instead(named, there)}"
    for reference in tree.find_all(nodes.Stmt):
        file = _file_named(reference)
        if file is not None and not (templates.folder / file_of(file)).is_file():
            yield reference, f"there is no template {file!r}; names count from the folder of the e-mail templates"


def _attributes_of(node: nodes.Node) -> Collection[str] | None:
    if isinstance(node, nodes.Name):
        return _ATTRIBUTES.get(node.name)
    offered = (("asset", AssetLink._fields), ("confirm", ConfirmLink._fields))
    return next((fields for kind, fields in offered if isinstance(node, nodes.Call) and _named(node, kind) is not None), None)


def _named(call: nodes.Call, kind: str) -> str | None:
    """The asset of `asset("name")`, the purpose of `confirm("name")`."""
    if isinstance(call.node, nodes.Name) and call.node.name == kind and len(call.args) == 1:
        argument = call.args[0]
        return str(argument.value) if isinstance(argument, nodes.Const) else None
    return None


def _file_named(statement: nodes.Stmt) -> str | None:
    """The template that an extends, include or import names."""
    if isinstance(statement, nodes.Extends | nodes.Include | nodes.Import | nodes.FromImport):
        return str(statement.template.value) if isinstance(statement.template, nodes.Const) else None
    return None

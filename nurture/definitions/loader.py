"""From a configuration folder to definitions, or to everything that is wrong with it, all at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from nurture.definitions.config import (
    ANY,
    ASSETS,
    CHANNELS,
    CONSENTS,
    DIAGNOSE,
    FORMS,
    HANDOFF,
    HOOKS,
    LIFECYCLE,
    POOLS,
    PRIVACY,
    REPORTING,
    SCORING,
    SENDING,
    SEQUENCES,
    AssetsFile,
    Config,
    FormsFile,
    Installation,
    PoolsFile,
    emails_named,
    variant_texts,
)
from nurture.definitions.document import Node, read
from nurture.definitions.mistakes import Flaw, Mistake, Spot, flaw
from nurture.definitions.rules import check
from nurture.definitions.validation import validate
from nurture.domain.channels import Channels
from nurture.domain.consent import Consents
from nurture.domain.definitions import Definitions
from nurture.domain.diagnosing.rules import Diagnose
from nurture.domain.handing_off import Handoff
from nurture.domain.lifecycle import Lifecycle
from nurture.domain.mail.hooks import Hooks
from nurture.domain.mail.sending import Organisation, Sender, SendingPolicy
from nurture.domain.model import Definition
from nurture.domain.privacy import Privacy
from nurture.domain.reporting import Reporting
from nurture.domain.scoring import Scoring
from nurture.domain.sequence import Sequence
from nurture.domain.wording import nearest

#: Looks at the e-mails that definitions name. A problem is a file (Path) with a line in it, or the name (str) of an e-mail,
#: which is then reported wherever a step names it; and a text of the form `what; what to do`.
TemplateProblems = Callable[[Definitions], Iterable[tuple[Path | str, int, str]]]

#: What each file holds. Without those that may be missing there is nothing to offer, nobody to tell and no wish to heed, but an
#: engine that scores and mails; visits are sorted into channels by the built-in table.
MODELS: Final[Mapping[str, type[Definition]]] = {
    SCORING: Scoring,
    LIFECYCLE: Lifecycle,
    SENDING: SendingPolicy,
    ASSETS: AssetsFile,
    FORMS: FormsFile,
    HANDOFF: Handoff,
    CHANNELS: Channels,
    PRIVACY: Privacy,
    POOLS: PoolsFile,
    CONSENTS: Consents,
    HOOKS: Hooks,
    REPORTING: Reporting,
    DIAGNOSE: Diagnose,
}
_OPTIONAL: Final = frozenset({ASSETS, FORMS, HANDOFF, CHANNELS, PRIVACY, POOLS, CONSENTS, HOOKS, REPORTING, DIAGNOSE})


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a configuration folder holds: the definitions, None if there is any error, and every mistake in order of place."""

    definitions: Definitions | None
    mistakes: list[Mistake]

    @property
    def errors(self) -> list[Mistake]:
        """The mistakes that keep the definitions from taking effect."""
        return [mistake for mistake in self.mistakes if mistake.severity == "error"]


class _Source(NamedTuple):
    """A file as far as it was read: its value, the document as written, what remained of it, and its flaws."""

    value: Any = None
    written: Node | None = None
    remains: Node = Node({}, Spot(), Spot())
    flaws: tuple[Flaw, ...] = ()


def load(config_dir: Path, template_problems: TemplateProblems | None = None, installation: Installation = ANY) -> Loaded:
    """Read and check all files of a configuration folder; never raises for what is in them."""
    if not config_dir.is_dir():
        absent = Mistake(
            config_dir.as_posix(), 1, 1, "there is no such folder", "create it, or name another with NURTURE_CONFIG_DIR"
        )
        return Loaded(None, [absent])
    sources = _read_all(config_dir)
    config = _config(config_dir, sources, installation)
    mistakes = {*_strangers(config_dir), *_flaws(config_dir, sources), *_findings(config_dir, config, sources)}
    for problem in template_problems(_as_far_as_known(config)) if template_problems else ():
        mistakes |= {*_about_template(config_dir, config, sources, *problem)}
    faulty = any(mistake.severity == "error" for mistake in mistakes)
    return Loaded(None if faulty else _definitions(config), sorted(mistakes))


def _read_all(folder: Path) -> dict[str, _Source]:
    sources = {name: read_file(folder / name, model, optional=name in _OPTIONAL) for name, model in MODELS.items()}
    for path in sorted((folder / SEQUENCES).glob("*.yaml")):
        sources[f"{SEQUENCES}/{path.name}"] = read_file(path, Sequence)
    return sources


def read_file(path: Path, model: type[Definition], *, optional: bool = False) -> _Source:
    """What a file holds, and all that is wrong with it by itself; one that is missing is wrong unless it is `optional`."""
    if optional and not path.exists():
        return _Source(model(), Node({}, Spot(), Spot()))
    try:
        document, flaws = read(path.read_bytes())
    except FileNotFoundError:
        return _Source(flaws=(Flaw(Spot(), "this file is missing", "create it; the example in the documentation is a start"),))
    except OSError as error:
        return _Source(
            flaws=(Flaw(Spot(), f"this file cannot be read ({error.strerror})", "make it a file that the engine may read"),)
        )
    if document is None:
        return _Source(flaws=tuple(flaws))
    validated = validate(model, document)
    unreadable = {each.spot for each in flaws}  # an empty value stands there; that it is empty need not be said
    flaws += [each for each in validated.flaws if each.spot not in unreadable]
    return _Source(validated.value, document, validated.remains, tuple(flaws))


def _config(folder: Path, sources: Mapping[str, _Source], installation: Installation) -> Config:
    assets, forms, pools = (sources[name].value for name in (ASSETS, FORMS, POOLS))
    return Config(
        scoring=sources[SCORING].value,
        lifecycle=sources[LIFECYCLE].value,
        assets=assets.assets if assets else {},
        forms=forms.forms if forms else {},
        sending=sources[SENDING].value,
        sequences={file: source.value for file, source in sources.items() if isinstance(source.value, Sequence)},
        asset_names=_names(sources[ASSETS], "assets"),
        form_names=_names(sources[FORMS], "forms"),
        file_exists=lambda name: (folder / name).is_file(),
        damaged=frozenset(file for file, source in sources.items() if source.flaws),
        handoff=sources[HANDOFF].value or Handoff(),
        channels=sources[CHANNELS].value or Channels(),
        privacy=sources[PRIVACY].value or Privacy(),
        consents=sources[CONSENTS].value or Consents(),
        pools=pools.pools if pools else {},
        installation=installation,
        pool_names=_names(sources[POOLS], "pools"),
        endpoint_names=_names(sources[HANDOFF], "endpoints"),
        sequence_names=frozenset(_sequence_names(sources)),
        hooks=sources[HOOKS].value or Hooks(),
        reporting=sources[REPORTING].value or Reporting(),
        diagnose=sources[DIAGNOSE].value or Diagnose(),
    )


def _sequence_names(sources: Mapping[str, _Source]) -> Iterator[str]:
    """The name of every sequence; of one that could not be read, its file's."""
    for file, source in sources.items():
        if file.startswith(SEQUENCES):
            yield source.value.sequence if source.value else Path(file).stem


def _names(source: _Source, key: str) -> frozenset[str] | None:
    """Every name written under a key, None if that cannot be known."""
    if source.written is None:
        return None
    node = source.written.child(key)
    if node is None:
        return None if source.flaws else frozenset()  # the key itself may be what is misspelt
    return frozenset(node.content) if isinstance(node.content, dict) else None


def _flaws(folder: Path, sources: Mapping[str, _Source]) -> Iterator[Mistake]:
    for file, source in sources.items():
        for each in source.flaws:
            yield _mistake(folder, file, each)


def _findings(folder: Path, config: Config, sources: Mapping[str, _Source]) -> Iterator[Mistake]:
    for found in check(config):
        node = sources[found.file].remains.at(found.place)
        yield _mistake(folder, found.file, flaw(node.key if found.in_key else node.spot, found.text, found.severity))


def _mistake(folder: Path, file: str, each: Flaw) -> Mistake:
    return Mistake((folder / file).as_posix(), each.spot.line, each.spot.column, each.what, each.fix, each.severity)


def _strangers(folder: Path) -> Iterator[Mistake]:
    """YAML files that nobody reads, most often because of a slip in their name."""
    for path in sorted([*folder.glob("*.y*ml"), *(folder / SEQUENCES).glob("*.yml")]):
        if path.parent == folder and path.name in MODELS:
            continue
        meant = f"{path.stem}.yaml" if path.suffix == ".yml" else nearest(path.name, MODELS)
        fix = f"did you mean {meant!r}?" if meant else f"sequences lie in {SEQUENCES}/"
        yield Mistake(path.as_posix(), 1, 1, "nobody reads a file of this name", fix, "warning")


def _as_far_as_known(config: Config) -> Definitions:
    """The definitions with stand-ins for what could not be read, so that the e-mails are looked at all the same."""
    stand_in = SendingPolicy(
        sender=Sender(name="Example", email="hello@example.com"),
        organisation=Organisation(name="Example", address="Example", privacy_url="https://www.example.com/privacy"),
    )
    return Definitions.model_construct(
        scoring=config.scoring or Scoring(),
        lifecycle=config.lifecycle or Lifecycle(),
        assets=dict(config.assets),
        forms=dict(config.forms),
        sending=config.sending or stand_in,
        sequences={sequence.sequence: sequence for sequence in config.sequences.values()},
        handoff=config.handoff,
        pools=dict(config.pools),
        channels=config.channels,
        privacy=config.privacy,
        consents=config.consents,
        hooks=config.hooks,
        reporting=config.reporting,
        diagnose=config.diagnose,
    )


def _definitions(config: Config) -> Definitions:
    return Definitions.model_validate(_as_far_as_known(config).__dict__)


def _about_template(
    folder: Path, config: Config, sources: Mapping[str, _Source], where: Path | str, line: int, text: str
) -> Iterator[Mistake]:
    """A problem of a template where it lies; of a missing one, at every step that names it; of a variant, where it is written."""
    named = [(file, place) for file, place, name in (*emails_named(config), *variant_texts(config)) if name == where]
    for file, place in named:
        yield _mistake(folder, file, flaw(sources[file].remains.at(place).spot, text))
    if not named:
        what, _, fix = text.partition("; ")
        yield Mistake(Path(where).as_posix(), max(line, 1), 1, what, fix)

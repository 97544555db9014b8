"""The example in `config/` is what a newcomer runs first: it must be right, whole and real."""

import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from nurture.definitions.loader import load
from nurture.domain.definitions import Definitions
from nurture.domain.privacy import Retention
from nurture.domain.scoring import fit_lines, grade_of
from nurture.domain.sequence import END, Branch, Send, Wait

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"


@pytest.fixture(scope="module")
def example() -> Definitions:
    loaded = load(CONFIG)
    assert [str(mistake) for mistake in loaded.mistakes] == []
    assert loaded.definitions
    return loaded.definitions


def test_what_stands_in_comments_can_be_taken_into_use(tmp_path: Path) -> None:
    """A block that begins with `# models:` or `# - id: …` works as soon as its marks are taken away."""
    shutil.copytree(CONFIG, tmp_path, dirs_exist_ok=True)
    for name, begin in (
        ("scoring.yaml", "# models:\n"),
        ("lifecycle.yaml", "# - id: two-webinars\n"),
        ("privacy.yaml", "# retention:\n"),
    ):
        before, _, after = (tmp_path / name).read_text(encoding="utf-8").partition(begin)
        block, _, rest = after.partition("\n\n")
        uncommented = re.sub(r"^( *)# ", r"\1", begin + block, flags=re.MULTILINE)
        (tmp_path / name).write_text(f"{before}{uncommented}\n\n{rest}", encoding="utf-8")
    loaded = load(tmp_path)
    assert [str(mistake) for mistake in loaded.mistakes] == []
    assert loaded.definitions
    assert {rule.id for rule in loaded.definitions.scoring.models["cloud"].rules} >= {"cloud-pages", "cloud-trial"}
    assert loaded.definitions.history_names == {"webinar_attended": timedelta(days=30)}
    assert loaded.definitions.privacy.retention.spans().keys() == Retention.model_fields.keys()


def test_it_can_be_stored_and_read_back(example: Definitions) -> None:
    assert Definitions.model_validate_json(example.to_json()) == example


def test_every_asset_is_a_readable_pdf(example: Definitions) -> None:
    """A header, an end, and a cross-reference table in which each entry points at its object."""
    for asset in example.assets.values():
        content = (CONFIG / asset.file).read_bytes()
        assert content.startswith(b"%PDF-1.4\n")
        assert content.endswith(b"%%EOF\n")
        table = int(content.rsplit(b"startxref\n", 1)[1].split()[0])
        assert content[table:].startswith(b"xref\n")
        offsets = [int(entry) for entry in re.findall(rb"(\d{10}) 00000 n ", content[table:])]
        assert offsets
        for number, offset in enumerate(offsets, 1):
            assert content[offset:].startswith(b"%d 0 obj\n" % number)
        assert set(asset.title) == {"fr", "en"}


def test_no_asset_file_lies_unused(example: Definitions) -> None:
    assert {path.name for path in (CONFIG / "assets").iterdir()} == {Path(asset.file).name for asset in example.assets.values()}


def test_every_email_has_its_templates_in_both_languages(example: Definitions) -> None:
    named = {step.email for sequence in example.sequences.values() for step in sequence.emails()}
    for name in named:
        for language in ("fr", "en"):
            assert (ROOT / "templates" / "emails" / name / f"{language}.md").is_file(), f"{name}/{language}"


def test_the_guide_is_nurtured_for_fourteen_days(example: Definitions) -> None:
    program = example.sequences["guide-nurture"].program

    def lengths(step: str) -> list[tuple[timedelta, int]]:
        """For each way through: how long it takes, and how many mails it sends."""
        node = program.nodes.get(step)
        match node:
            case Wait(length=length, next=following):
                return [(length + rest, mails) for rest, mails in lengths(following)]
            case Send(next=following):
                return [(rest, mails + 1) for rest, mails in lengths(following)]
            case Branch(arms=arms, otherwise=otherwise):
                return [way for _, target in arms for way in lengths(target)] + lengths(otherwise)
            case None:
                assert step == END
                return [(timedelta(0), 0)]

    ways = lengths(program.first)
    assert max(length for length, _ in ways) == timedelta(days=14)
    assert max(mails for _, mails in ways) == 5


@pytest.mark.parametrize(
    ("facts", "grade"),
    [
        ({"job_title": "Directrice marketing", "company": "Acme", "country": "FR", "email_domain": "acme.example"}, "A"),
        ({"job_title": "Head of Growth", "company": "Acme", "country": "GB"}, "A"),
        ({"job_title": "CMO", "email_domain": "acme.example"}, "B"),
        ({"job_title": "Chargée de marketing", "company": "Acme", "country": "BE"}, "B"),
        ({"job_title": "Responsable commerciale", "email_domain": "gmail.com"}, "B"),
        ({"company": "Acme", "country": "FR"}, "C"),
        ({"job_title": "Étudiante en marketing", "email_domain": "gmail.com"}, "D"),
        ({"job_title": "Comcmother"}, "D"),
        ({}, "D"),
    ],
)
def test_whom_it_takes_for_a_good_fit(example: Definitions, facts: dict[str, object], grade: str) -> None:
    fit = sum(points for _, points in fit_lines(facts, example.scoring))
    assert grade_of(fit, example.scoring.grades) == grade


def test_whom_the_guides_sequence_leaves_out(example: Definitions) -> None:
    audience = example.sequences["guide-nurture"].audience
    assert audience
    assert not audience.holds({"job_title": "Étudiant en école de commerce"})
    assert audience.holds({"job_title": "Directeur marketing"})
    assert audience.holds({})

"""The example in `config/` is what a newcomer runs first: it must be right, whole and real."""

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nurture.adapters.mail.check import template_problems
from nurture.definitions.loader import load
from nurture.domain.definitions import Definitions
from nurture.domain.pauses import ends_at
from nurture.domain.privacy import Retention
from nurture.domain.program import Chain, Offer, Send, Wait, WaitFor, ways_of
from nurture.domain.schedule import Calendar
from nurture.domain.scoring import fit_lines, grade_of
from nurture.domain.sequence import Sequence
from nurture.domain.steps import Awaited

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
    assert loaded.definitions.history_names["webinar_attended"] == timedelta(days=30)
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
    for name in example.emails():
        for language in ("fr", "en"):
            assert (ROOT / "templates" / "emails" / name / f"{language}.md").is_file(), f"{name}/{language}"


def test_no_email_lies_unused(example: Definitions) -> None:
    written = {path.parent.name for path in (ROOT / "templates" / "emails").glob("[!_]*/*.md")}
    assert written == {*example.emails(), "confirm"}  # see the next test


def test_double_opt_in_is_turned_on_as_the_documentation_tells(tmp_path: Path) -> None:
    shutil.copytree(CONFIG, tmp_path, dirs_exist_ok=True)
    told = re.search(
        r"```yaml\n# config/(sequences/confirm-address.yaml)\n(.*?)```", (ROOT / "docs/consent.md").read_text(), re.DOTALL
    )
    assert told
    (tmp_path / told[1]).write_text(told[2])
    consents = tmp_path / "consents.yaml"
    on = "    double_opt_in: true\n    confirm: confirm-address\n    wording:\n"
    consents.write_text(consents.read_text().replace("    wording:\n", on, 1))
    loaded = load(tmp_path, lambda definitions: template_problems(ROOT / "templates/emails", definitions))
    assert [str(mistake) for mistake in loaded.mistakes] == []
    assert loaded.definitions
    assert "confirm" in loaded.definitions.emails()


def ways_through(sequence: Sequence, step: str) -> list[tuple[timedelta, int]]:
    """For each way from a step to the end: how long it takes at most, and how many mails it sends."""
    node = sequence.program.nodes.get(step)
    match node:
        case Wait(pause=timedelta() as length) | WaitFor(awaited=Awaited(within=length)):
            takes, sends = length, 0
        case Send() | Offer():
            takes, sends = timedelta(0), 1
        case _:
            takes, sends = timedelta(0), 0
    if node is None:
        return [(takes, sends)]
    return [(takes + rest, sends + mails) for way in ways_of(node) for rest, mails in ways_through(sequence, way)]


def test_the_guide_is_nurtured_for_fourteen_days(example: Definitions) -> None:
    sequence = example.sequences["guide-nurture"]
    ways = ways_through(sequence, sequence.program.first)
    assert max(length for length, _ in ways) == timedelta(days=14)
    assert max(mails for _, mails in ways) == 5


def test_whoever_still_reads_behind_the_guide_hears_from_us_once_a_month(example: Definitions) -> None:
    warm = example.sequences["keep-warm"]
    assert isinstance(example.sequences["guide-nurture"].program.nodes["onwards"], Chain)
    assert max(ways_through(warm, warm.program.first)) == (timedelta(weeks=12), 3)
    assert [step.pool for step in warm.pools()] == ["evergreen"] * 3


def test_the_webinar_is_called_to_mind_the_day_before(example: Definitions) -> None:
    sequence = example.sequences["webinar-reminder"]
    calendar = Calendar("Europe/Paris", lambda *_: False)
    facts = {"webinar_day": "2026-05-12T14:00+02:00", "timezone": "Europe/Paris"}
    day, after = (
        ends_at(node.pause, sequence.window, facts, calendar, datetime(2026, 5, 1, tzinfo=UTC))
        for node in sequence.program.nodes.values()
        if isinstance(node, Wait)
    )
    assert (day, after) == (datetime(2026, 5, 11, 7, 0, tzinfo=UTC), datetime(2026, 5, 13, 8, 0, tzinfo=UTC))


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

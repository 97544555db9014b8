"""config/privacy.yaml: optional, and its mistakes are told with their place."""

from pathlib import Path

import pytest

from nurture.definitions.loader import Loaded, load
from nurture.domain.definitions import Definitions
from tests.definitions.folders import FILES


def loaded(folder: Path, privacy: str | None) -> Loaded:
    for name, text in {**FILES, **({} if privacy is None else {"privacy.yaml": privacy})}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return load(folder)


@pytest.mark.parametrize(
    ("privacy", "mode"),
    [
        (None, "open"),
        ("{}", "open"),
        ("consent: open", "open"),
        ("consent: opt_in", "opt_in"),
        ("consent: gpc_optout", "gpc_optout"),
    ],
)
def test_the_mode_takes_effect(tmp_path: Path, privacy: str | None, mode: str) -> None:
    found = loaded(tmp_path, privacy)
    assert found.definitions is not None, found.mistakes
    assert found.definitions.privacy.consent == mode
    assert Definitions.model_validate_json(found.definitions.to_json()).privacy.consent == mode


@pytest.mark.parametrize(
    ("privacy", "mistake"),
    [
        ("consent: optin", "privacy.yaml:1:10: "),
        ("consent: true", "privacy.yaml:1:10: "),
        ("consent: [opt_in]", "privacy.yaml:1:10: "),
        ("consent:", "privacy.yaml:1:"),
        ("mode: open", "privacy.yaml:1:1: unknown key 'mode'"),
        ("consnet: open", "privacy.yaml:1:1: unknown key 'consnet'; did you mean 'consent'?"),
        ("- open", "privacy.yaml:1:1: "),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, privacy: str, mistake: str) -> None:
    found = loaded(tmp_path, privacy)
    assert found.definitions is None
    (said,) = [str(each).removeprefix(f"{tmp_path.as_posix()}/") for each in found.errors]
    assert said.startswith(mistake)


def test_another_mode_is_another_release(tmp_path: Path) -> None:
    opened, closed = loaded(tmp_path, None).definitions, loaded(tmp_path, "consent: opt_in").definitions
    assert opened is not None
    assert closed is not None
    assert opened.digest != closed.digest
    assert opened.digest == loaded(tmp_path, "consent: open").definitions.digest  # type: ignore[union-attr]  # checked above


def test_spans_take_effect_and_have_defaults(tmp_path: Path) -> None:
    found = loaded(tmp_path, "retention: {anonymous: 395d, events: 760d}")
    assert found.definitions is not None, found.mistakes
    assert found.mistakes == []
    spans = {what: span.days for what, span in found.definitions.privacy.retention.spans().items()}
    assert spans == {"anonymous": 395, "events": 760, "conflicts": 90, "counted": 30}


@pytest.mark.parametrize(
    ("privacy", "mistakes"),
    [
        ("retention: {events: 2h}", ["privacy.yaml:1:21: ", "too short"]),
        ("retention: {events: 13 months}", ["privacy.yaml:1:21: ", "count in days"]),
        ("retention: {anonymous: 400}", ["privacy.yaml:1:24: "]),
        ("retention: {event: 40d}", ["privacy.yaml:1:13: ", "'events'"]),
        ("retention: 30d", ["privacy.yaml:1:12: "]),
    ],
)
def test_a_mistaken_span_is_told_with_its_place(tmp_path: Path, privacy: str, mistakes: list[str]) -> None:
    found = loaded(tmp_path, privacy)
    [told] = map(str, found.errors)
    assert all(words in told for words in mistakes), told


def test_a_span_shorter_than_four_half_lives_is_warned_of_with_its_consequence(tmp_path: Path) -> None:
    found = loaded(tmp_path, "retention: {events: 60d}")
    assert found.definitions is not None
    [told] = [str(each) for each in found.mistakes]
    assert "privacy.yaml:1:21: warning: points are still worth 25 % of what they were" in told
    assert "keep events 120d or longer" in told
    assert loaded(tmp_path, "retention: {events: 120d}").mistakes == []


def test_a_question_about_what_was_forgotten_is_warned_of(tmp_path: Path) -> None:
    found = loaded(tmp_path, "retention: {events: 200d}")
    assert found.mistakes == []
    asked = "  - {id: again, to: sql, when: {happened: {event: asset_downloaded, within: 300d}}}\n"
    (tmp_path / "lifecycle.yaml").write_text(FILES["lifecycle.yaml"] + asked)
    [told] = [str(each) for each in load(tmp_path).mistakes]
    assert "lifecycle.yaml:4:77: warning: events are forgotten after 200d" in told

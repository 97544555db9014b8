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

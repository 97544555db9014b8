"""config/consents.yaml: optional, and what does not fit together is told with its place."""

from pathlib import Path

import pytest

from nurture.definitions.loader import load
from tests.definitions.folders import FILES

PURPOSE = "purposes: {mail: {version: '1', wording: {en: Yes.}%s}}\ntopics: {news: {en: News}}\n"
ASKS = "forms:\n  guide: {asset: guide, deliver: redirect, consent: mail}\n"
SEQUENCE = "sequence: news\ntrigger: {event: form_submitted, form: guide}\ntopic: %s\nsteps: [{id: a, email: welcome}]\n"


def told(folder: Path, **files: str) -> list[str]:
    written = {**FILES, **{f"{name.replace('__', '/')}.yaml": text for name, text in files.items()}}
    for name, text in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return [
        f"{Path(each.file).relative_to(folder)}:{each.line}:{each.column} {each.severity}: {each.what}; {each.fix}"
        for each in load(folder).mistakes
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, []),
        ({"forms": ASKS, "consents": PURPOSE % ", topics: [news]", "sequences__news": SEQUENCE % "news"}, []),
        (
            {"forms": ASKS},
            ["forms.yaml:2:53 warning: nothing is known of 'mail', so what people read is not kept; write its wording into consents.yaml"],
        ),
        (
            {"forms": ASKS.replace("mail", "mial"), "consents": PURPOSE % ""},
            ["forms.yaml:2:53 error: nothing is known of 'mial', so what people read is not kept; did you mean 'mail'?"],
        ),
        (
            {"forms": ASKS, "consents": PURPOSE % "", "sequences__news": SEQUENCE % "nwes"},
            ["sequences/news.yaml:3:8 error: unknown topic 'nwes'; did you mean 'news'?"],
        ),
        (
            {"sequences__news": SEQUENCE % "news"},
            ["sequences/news.yaml:3:8 error: unknown topic 'news'; write its title into consents.yaml"],
        ),
        (
            {"consents": PURPOSE % ", topics: [news]", "sequences__news": SEQUENCE % "news"},
            [
                "sequences/news.yaml:3:8 warning: topic 'news' needs the consent 'mail', which no form asks for; add 'consent: mail' to one"
            ],
        ),
        (
            {"forms": ASKS, "consents": PURPOSE % ", double_opt_in: true, confirm: nwes", "sequences__news": SEQUENCE % "news"},
            ["consents.yaml:1:84 error: unknown sequence 'nwes'; did you mean 'news'?"],
        ),
        (
            {
                "forms": ASKS, "consents": PURPOSE % ", topics: [news], double_opt_in: true, confirm: news",
                "sequences__news": SEQUENCE % "news",
            },
            ["sequences/news.yaml:3:8 error: this mail asks to confirm 'mail' and would wait for that; give it no topic, or another one"],
        ),
        (
            {"forms": ASKS, "consents": PURPOSE % ", double_opt_in: true"},
            ["consents.yaml:1:69 error: nobody would be asked to confirm; name the sequence whose mail asks: confirm: confirm-address"],
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_together(tmp_path: Path, files: dict[str, str], expected: list[str]) -> None:
    assert told(tmp_path, **files) == expected


def test_a_topic_needs_one_purpose(tmp_path: Path) -> None:
    two = "purposes:\n  a: {version: '1', wording: {en: A}, topics: [news]}\n  b: {version: '1', wording: {en: B}, topics: [news]}\ntopics: {news: {en: N}}\n"
    assert told(tmp_path, consents=two) == ["consents.yaml:3:48 error: topic 'news' needs 'a' already; name it there or here"]

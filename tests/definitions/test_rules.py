"""What must fit together across files, and what must not be said twice."""

from pathlib import Path

import pytest

from nurture.definitions.loader import load
from tests.definitions.folders import FILES, Told, marked, told, write

SCORING = FILES["scoring.yaml"]
LIFECYCLE = FILES["lifecycle.yaml"]
HEAD = "sequence: nurture\ntrigger: {promoted_to: lead}\n"
STEPS = "steps: [{id: thanks, email: thanks}]\n"


def scoring(text: str, message: str) -> tuple[str, str, str]:
    return "scoring", text, message


def lifecycle(text: str, message: str) -> tuple[str, str, str]:
    return "lifecycle", text, message


def sequence(text: str, message: str) -> tuple[str, str, str]:
    return "sequences__nurture", text, message


def steps(text: str, message: str, head: str = HEAD) -> tuple[str, str, str]:
    return sequence(f"{head}steps:\n{text}", message)


DOWNLOAD = "{id: download, to: lead, on: asset_downloaded}"

MISTAKES = [
    # Names
    sequence(f"sequence: »nurtur\ntrigger: {{promoted_to: lead}}\n{STEPS}",
             "this sequence is called 'nurtur', but its file 'nurture'; write 'sequence: nurture' or rename the file"),
    sequence(f"sequence: nurture\ntrigger: {{promoted_to: »leed}}\n{STEPS}", "unknown stage 'leed'; did you mean 'lead'?"),
    sequence(f"{HEAD}exit: [x, {{stage: [lost, »custmer]}}]\n{STEPS}".replace("lost, ", ""), "unknown stage 'custmer'; did you mean 'customer'?"),
    sequence(f"{HEAD}audience: {{not: {{any: [{{stage: »mqls}}]}}}}\n{STEPS}", "unknown stage 'mqls'; did you mean 'mql'?"),
    sequence(f"{HEAD}audience: {{grade: {{at_least: »F}}}}\n{STEPS}", "unknown grade 'F'; write A, B, C, D as set under 'grades' in scoring.yaml"),
    sequence(f"sequence: nurture\ntrigger: {{promoted_to: lead, asset: »giude}}\n{STEPS}", "unknown asset 'giude'; did you mean 'guide'?"),
    sequence(f"sequence: nurture\ntrigger: {{event: form_submitted, form: »newsletter}}\n{STEPS}", "unknown form 'newsletter'; write guide"),
    sequence(f"{HEAD}goal: {{event: asset_downloaded, where: {{asset: [»gude]}}}}\n{STEPS}", "unknown asset 'gude'; did you mean 'guide'?"),
    scoring(f"{SCORING}half_life: 30d\n".replace("points: 2}", "points: 2, where: {»stage: lead}}"),
            "warning: 'stage' is known of people, and 'where' asks about the event; use 'when' or 'audience' for it"),
    scoring(SCORING.replace("page_viewed", "»page_view"), "warning: no event of the engine is called 'page_view'; did you mean 'page_viewed'?"),
    scoring(SCORING.replace("job_title: chief", "»job_titel: chief"),
            "warning: 'job_titel' is nothing the engine knows of people by itself; did you mean 'job_title'?"),
    scoring(SCORING.replace("job_title: chief", "»path: /x"),
            "warning: 'path' is known of events, and this condition asks about the person; use 'where' beside 'on' for it"),
    scoring(SCORING.replace("points: 60", "points: 55") + "grades: {A: »60, B: 0}\n",
            "warning: nobody can earn grade A: all fit rules together give at most 55 points; lower it or add rules"),
    # Scores
    scoring(SCORING.replace("job_title: chief", "»stage: lead"),
            "'stage' is known only after fit, which cannot rest on it; write a promotion in lifecycle.yaml that asks for both"),
    scoring(SCORING.replace("{job_title: chief}", "{any: [{job_title: chief}, {not: {»matrix: A1}}]}"),
            "'matrix' is known only after fit, which cannot rest on it; write a promotion in lifecycle.yaml that asks for both"),
    scoring(SCORING.replace("job_title: chief", "»engagement.cloud: 5") + "models: {cloud: {}}\n",
            "'engagement.cloud' is known only after fit, which cannot rest on it; write a promotion in lifecycle.yaml that asks for both"),
    scoring(SCORING.replace("job_title: chief", "happened: {event: form_submitted, »within: 30d}"),
            "fit does not fade, but what happened within 30d does; delete 'within', or write a promotion in lifecycle.yaml"),
    scoring(SCORING + "groups: {»reading: {points: 9}}\n",
            "warning: no rule is in the group 'reading', so it caps nothing; write 'group: reading' in a rule, or delete it"),
    scoring(SCORING + "models: {cloud: {groups: {»g: {points: 9}}}}\n",
            "warning: no rule is in the group 'g', so it caps nothing; write 'group: g' in a rule, or delete it"),
    scoring(SCORING + "models: {cloud: {rules: [{id: c, on: »page_view, points: 1}]}}\n",
            "warning: no event of the engine is called 'page_view'; did you mean 'page_viewed'?"),
    sequence(f"{HEAD}audience: {{»engagement.clod: {{at_least: 5}}}}\n{STEPS}", "unknown score model 'clod'; none is defined yet"),
    sequence(f"{HEAD}audience: {{matrix: [A1, »E1]}}\n{STEPS}",
             "there is no cell 'E1' in the matrix; write a grade (A, B, C, D) and a band (1, 2, 3, 4) as set in scoring.yaml, such as A1"),
    sequence(f"{HEAD}audience: {{not: {{matrix: »a1}}}}\n{STEPS}",
             "there is no cell 'a1' in the matrix; write a grade (A, B, C, D) and a band (1, 2, 3, 4) as set in scoring.yaml, such as A1"),
    sequence(f"{HEAD}audience: {{matrix: {{at_least: »B2}}}}\n{STEPS}",
             "the cells of the matrix have no order; list them, such as [A1, A2, B1], or ask for grade and engagement"),
    # The past
    sequence(f"{HEAD}audience: {{happened: {{event: »page_view}}}}\n{STEPS}",
             "warning: no event of the engine is called 'page_view'; did you mean 'page_viewed'?"),
    sequence(f"{HEAD}exit: [x, {{any: [{{happened: {{event: [y, »form_submited]}}}}]}}]\n{STEPS}",
             "warning: no event of the engine is called 'form_submited'; did you mean 'form_submitted'?"),
    sequence(f"{HEAD}audience: {{happened: {{event: asset_downloaded, where: {{asset: »giude}}}}}}\n{STEPS}",
             "unknown asset 'giude'; did you mean 'guide'?"),
    sequence(f"{HEAD}audience: {{happened: {{event: x, where: {{»stage: lead}}}}}}\n{STEPS}",
             "warning: 'stage' is known of people, and 'where' asks about the event; use 'when' or 'audience' for it"),
    sequence(f"{HEAD}audience: {{happened: {{event: x, where: »{{n: {{above: 5, below: 3}}}}}}}}\n{STEPS}",
             "this condition contradicts itself and never holds; use 'any' where one of its parts is enough"),
    sequence(f"{HEAD}goal: {{event: x, where: {{»happened: {{event: y}}}}}}\n{STEPS}",
             "'happened' asks what somebody did before, and this condition asks about one event; use it in a condition about the person, such as 'when' or 'audience'"),
    sequence(f"{HEAD}exit: [{{happened: {{event: x, where: {{n: {{»gte: 3}}}}}}}}]\n{STEPS}", "unknown test 'gte'; did you mean 'at_least'?"),
    steps("  - branch:\n      - {if: {happened: {event: x}}, then: [{id: a, email: thanks}]}\n      - {if: »{stage: mql, happened: {event: x}}, then: [{id: b, email: thanks}]}\n",
          "these steps are never reached: arm 1 takes everybody for whom this holds; put this arm before it, or narrow that one"),
    # Lifecycle
    lifecycle(f"promotions:\n  - {DOWNLOAD}\n  - {{id: hot, to: mql, when: {{engagement: {{at_least: »'50'}}}}}}\n",
              "engagement is a number, and '50' is a text, so this never holds; write it without quotes"),
    lifecycle(f"promotions:\n  - {DOWNLOAD}\n  - {{id: hot, to: mql, when: »{{engagement: {{at_least: 50, below: 20}}}}}}\n",
              "this condition contradicts itself and never holds; use 'any' where one of its parts is enough"),
    lifecycle(f"promotions:\n  - {DOWNLOAD}\n  - {{id: back, to: lead, when: »{{stage: mql}}}}\n",
              "this promotion never fires: 'when' admits no stage below 'lead'; ask for audience"),
    lifecycle(f"{LIFECYCLE}recycling:\n  - {{id: cooled, from: mql, to: lead, when: »{{engagement: {{at_least: 20}}}}}}\n",
              "everybody whom 'hot' promotes is sent back at once; leave a gap between the two conditions"),
    lifecycle(f"promotions: [{DOWNLOAD}, {{id: a, to: »ceo, on: x}}]", "unknown stage 'ceo'; write audience, lead, mql, sql, opportunity or customer"),
    # Content
    ("assets", "assets:\n  guide: {title: {en: T}, file: »guid.pdf, gated: true}\n",
     "there is no file 'guid.pdf' in the configuration folder; put it there or correct the path"),
    ("assets", "assets:\n  guide: {title: {en: T}, file: »../guide.pdf, gated: true}\n",
     "this path leads out of the configuration folder; put the file into it, in assets/"),
    ("assets", FILES["assets.yaml"] + "  »study: {title: {en: T}, file: guide.pdf, gated: true}\n",
     "warning: no form delivers the gated asset 'study', so nobody can get it; name it in a form, or write 'gated: false'"),
    ("assets", "assets:\n  »The Guide: {title: {en: T}, file: guide.pdf}\n  guide: {title: {en: T}, file: guide.pdf}\n",
     "'The Guide' is no name; use small letters, digits, '-' and '_' only, such as the-guide"),
    ("forms", "forms:\n  guide: {asset: »gide, deliver: redirect}\n", "unknown asset 'gide'; did you mean 'guide'?"),
    ("forms", FILES["forms.yaml"] + "  news: {deliver: »email}\n",
     "this form delivers by email, but names nothing to deliver; add 'asset: …', or write 'deliver: none'"),
    ("forms", FILES["forms.yaml"] + "  news: {asset: guide, deliver: »email}\n",
     ("no sequence begins with this form, so no mail brings its asset; "
      "add one with 'trigger: {event: form_submitted, form: news}', or write 'deliver: redirect'")),
    ("forms", FILES["forms.yaml"] + "  other: {asset: »guide}\n",
     "warning: this asset is never handed over; add 'deliver: redirect' or 'deliver: email'"),
    ("forms", "forms:\n  guide: {asset: guide, deliver: redirect, fields: »{email: optional}}\n",
     "a gated asset is traded for an address; write 'email: required' among the fields"),
    ("forms", FILES["forms.yaml"] + "  news: {consent: mail, fields: »{name: required}}\n",
     "consent without an address is no consent; write 'email: required' among the fields"),
    ("forms", FILES["forms.yaml"] + "  news: {fields: {email: required, »_utm: optional}}\n",
     "the field '_utm' would never arrive, as '_' marks fields that steer the form; begin it with a letter"),
    ("forms", FILES["forms.yaml"] + "  news: {redirects: [»www.example.com]}\n",
     "'www.example.com' is no origin; write scheme and host alone, like https://www.example.com"),
    # Who comes through
    sequence(f"sequence: nurture\ntrigger: {{promoted_to: »audience}}\n{STEPS}",
             "nobody is ever promoted to 'audience', where everybody begins; write lead, mql, sql, opportunity or customer"),
    sequence(f"sequence: nurture\ntrigger: {{promoted_to: »customer}}\n{STEPS}",
             "warning: no promotion in lifecycle.yaml leads to 'customer', so nobody would enter; add one, or name another stage"),
    sequence(f"{HEAD}audience: »{{stage: mql}}\n{STEPS}",
             "nobody can enter: the trigger leads to 'lead', which this audience leaves out; change one of them"),
    sequence(f"{HEAD}exit: [unsubscribed, »{{stage: [lead, customer]}}]\n{STEPS}",
             "everybody leaves at once: the trigger leads to 'lead', and this exit ends it there; name a later stage"),
    steps("  - branch:\n      - {if: {stage: [lead, mql]}, then: [{id: a, email: thanks}]}\n      - {if: »{stage: mql}, then: [{id: b, email: thanks}]}\n",
          "these steps are never reached: arm 1 takes everybody for whom this holds; put this arm before it, or narrow that one"),
    steps("  - {id: a, email: thanks}\n  - branch:\n      - {if: »{stage: customer}, then: [{id: b, email: thanks}]}\n",
          "these steps are never reached: whoever fulfils this has left by 'exit'; delete the arm or the exit",
          HEAD + "exit: [{stage: [opportunity, customer]}]\n"),
    steps("  - {id: a, email: thanks}\n  - »branch: [{if: {fit: 3}}, {else: []}]\n",
          "warning: this branch changes nothing: none of its arms has a step; add steps under 'then' or 'else', or delete it"),
    steps("  - {id: a, email: thanks}\n  - »{wait: 3d}\n",
          "warning: this waits for nothing: no step follows and there is no goal to reach meanwhile; delete it"),
    steps("  - {id: a, email: thanks}\n  - branch:\n      - {if: {fit: 3}, then: [»{wait: 3d}]}\n      - {else: [{id: b, email: thanks}]}\n",
          "warning: this waits for nothing: no step follows and there is no goal to reach meanwhile; delete it"),
    steps("  - {wait: »0d}\n  - {id: a, email: thanks}\n",
          "warning: this wait takes no time; write how long, such as 2d, or delete it"),
    sequence(f"{HEAD}»steps: [{{wait: 1d}}]\ngoal: {{event: x}}\n",
             "warning: this sequence sends no e-mail; add a step {id: …, email: …}"),
    sequence(f"{HEAD}window: {{hours: »'21:00-06:00'}}\n{STEPS}",
             "this window never opens: the quiet hours 20:00-08:00 of sending.yaml cover 21:00-06:00; change one of them"),
    steps("  - {id: a, email: thanks, window: {hours: »'06:00-08:00'}}\n",
          "this window never opens: the quiet hours 20:00-08:00 of sending.yaml cover 06:00-08:00; change one of them"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "message"), MISTAKES)
def test_what_does_not_fit_together(tmp_path: Path, name: str, text: str, message: str) -> None:
    file = f"{name.replace('__', '/')}.yaml"
    text, expected = marked(file, text, message)
    folder = write(tmp_path, **{name: text})
    assert [each for each in told(folder) if each.file == file] == expected
    assert (load(folder).definitions is None) is not message.startswith("warning: ")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "sequences__nurture",
            f"{HEAD}goal: {{event: demo}}\nsteps:\n  - {{id: a, email: thanks}}\n  - {{wait: 1d}}\n",
        ),  # time for the goal
        (
            "sequences__nurture",
            f"{HEAD}exit: [{{stage: customer}}, unsubscribed]\naudience: {{not: {{stage: customer}}}}\n{STEPS}",
        ),
        ("sequences__nurture", f"{HEAD}window: {{hours: '19:00-21:00'}}\n{STEPS}"),  # partly quiet is not never
        ("sequences__nurture", f"{HEAD}window: {{hours: '21:00-06:00', timezone: Asia/Tokyo}}\n{STEPS}"),  # on another clock
        (
            "sequences__nurture",
            f"{HEAD}goal: {{event: bought, where: {{asset: anything}}}}\n{STEPS}",
        ),  # not our event, not our asset
        (
            "sequences__nurture",
            f"{HEAD}steps:\n  - branch:\n      - {{if: {{stage: disqualified}}, then: []}}\n      - {{else: [{{id: a, email: thanks}}]}}\n",
        ),
        # A stage beside a question on the past says nothing certain about who enters or moves.
        ("sequences__nurture", f"{HEAD}audience: {{stage: lead, happened: {{event: x}}}}\n{STEPS}"),
        ("sequences__nurture", f"{HEAD}exit: [{{stage: lead, happened: {{event: x}}}}]\n{STEPS}"),
        (
            "lifecycle",
            f"promotions:\n  - {DOWNLOAD}\n  - {{id: back, to: mql, when: {{stage: lead, happened: {{event: x, times: 3}}}}}}\n",
        ),
        ("lifecycle", f"promotions:\n  - {DOWNLOAD}\n  - {{id: hot, to: mql, when: {{matrix: [A1, B2], engagement: 5}}}}\n"),
        ("sequences__nurture", f"{HEAD}audience: {{matrix: {{starts_with: A}}}}\n{STEPS}"),
        ("scoring", SCORING.replace("job_title: chief", "happened: {event: form_submitted, where: {form: guide}}")),
        (
            "scoring",
            SCORING
            + "bands: {1: 9, 2: 0}\nmodels: {cloud: {half_life: 7d, rules: [{id: c, on: x, points: 1, group: g}], groups: {g: {points: 5}}}}\n",
        ),
        ("scoring", SCORING.replace("page_viewed", "podcast_played, where: {seconds: {at_least: 60}}")),
        ("forms", FILES["forms.yaml"] + "  poll: {fields: {answer: required}}\n"),
    ],
)
def test_what_is_no_mistake(tmp_path: Path, name: str, text: str) -> None:
    assert told(write(tmp_path, **{name: text})) == []


def test_two_files_that_define_the_same_sequence(tmp_path: Path) -> None:
    folder = write(tmp_path, sequences__other=FILES["sequences/nurture.yaml"])
    assert told(folder) == [
        Told(
            "sequences/other.yaml", 1, 11,
            "the sequence 'nurture' is defined in sequences/nurture.yaml already; give this one its own name",
        )
    ]  # fmt: skip


def test_names_in_a_broken_entry_are_known_all_the_same(tmp_path: Path) -> None:
    """One slip in an asset does not make every mention of it a mistake."""
    folder = write(tmp_path, assets="assets:\n  guide: {titel: {en: T}, file: guide.pdf}\n")
    assert [each.text for each in told(folder)] == ["unknown key 'titel'; did you mean 'title'?"]


def test_a_file_that_cannot_be_read_accuses_no_other(tmp_path: Path) -> None:
    for name in ("assets", "forms", "lifecycle", "scoring", "sending"):
        assert {each.file for each in told(write(tmp_path / name, **{name: "[1"}))} == {f"{name}.yaml"}

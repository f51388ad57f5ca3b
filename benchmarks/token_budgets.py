"""Hold the tokens that were selected against those that were asked for.

    python -m benchmarks.token_budgets NAME DATA [--tune]

Runs the offline recipe on DATA, with `response-length` for quality, at several amounts of tokens in
both ways of counting; benchmarks/results/token-budgets-NAME.json says what was asked for and what
was selected. Every run is checked: never above, and what is left is less than the smallest row that
was passed over. Without --tune seeds are the budget, so that no model is tuned.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import mods
from mods.kcenter.bench import machine_line
from mods.runs.manifest import tokens

AMOUNTS = (5_000, 20_000, 100_000)
TUNED = 20_000
PASSED = "passed over"
"""What the receipt of a row says that was passed over."""


def measure(data: str, asked: int, seeds: int, count: str) -> dict[str, Any]:
    """Make a run; return what was asked for and what came of it."""
    made = mods.select(
        data, recipe="offline", quality="response-length", count=count, quiet=True,
        seeds=f"{seeds} tokens", budget=f"{asked} tokens",
    )  # fmt: skip
    counted = tokens(made)
    assert counted is not None
    passed = [r.tokens for r in made.receipts if r.tokens and PASSED in r.reason]
    left = asked - counted["selected"]
    assert left >= 0
    assert all(left < number for number in passed)
    return {
        "count": count,
        "seeds_asked": seeds,
        "seeds_selected": counted["seeds"],
        "asked": asked,
        "selected": counted["selected"],
        "share": counted["selected"] / asked,
        "rows": len(made.records),
        "pool": counted["pool"],
        "passed_over": len(passed),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("data")
    parser.add_argument("--tune", action="store_true")
    options = parser.parse_args()
    runs = [
        measure(options.data, asked, asked, count)
        for count in ("trained", "all")
        for asked in AMOUNTS
    ]
    if options.tune:
        runs.append(measure(options.data, TUNED, TUNED // 2, "trained"))
    found = {"machine": machine_line(), "runs": runs}
    print(json.dumps(found, indent=2))
    target = Path(__file__).parent / "results" / f"token-budgets-{options.name}.json"
    target.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {target.name}")


if __name__ == "__main__":
    main()

"""Hold what a probe says of a run against what the run then takes.

    python -m benchmarks.probe NAME DATA [--probe 200] [--tune]

Runs the offline recipe on DATA in a fresh cache: first the probe, then the run, which finds the
probe's rows there. Seconds of every stage, estimated and taken, and their ratio, go into
benchmarks/results/probe-NAME.json. Without --tune the seeds are the budget, so that no model is
tuned. Meaningful on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from mods.api.inputs import registry_with
from mods.api.select import probe, run
from mods.kcenter.bench import machine_line
from mods.progress import Progress
from mods.runs.costs import by_stage
from mods.selection.estimate import Span
from mods.settings.layers import make_settings
from mods.settings.recipes import load_recipe


def compare(data: str, rows: int, settings: Any, cache: Path) -> dict[str, Any]:
    """Probe, run, and put both side by side, stage by stage."""
    registry, progress = registry_with(()), Progress(quiet=True)
    given: dict[str, Any] = {"cache": cache, "progress": progress, "strict": False}
    reading, _, forecast = probe(data, settings, registry, rows=rows, **given)
    selection = run(data, settings, registry, output=None, overwrite=False, **given)
    spans: dict[str, Span] = defaultdict(Span)
    for step in forecast.steps:
        spans[step.stage] += step.seconds
    took = by_stage(selection.costs, selection.seconds)["stages"]
    return {
        "rows": len(reading.records),
        "probe_rows": rows,
        "probe_seconds": forecast.probe,
        "stages": {
            stage: {
                "estimate": span.as_dict()["seconds"],
                "took": took[stage]["seconds"],
                "ratio": span.likely / took[stage]["seconds"],
            }
            for stage, span in spans.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("data")
    parser.add_argument("--probe", type=int, default=200)
    parser.add_argument("--tune", action="store_true")
    options = parser.parse_args()
    own = {"seeds": 100, "budget": 200 if options.tune else 100}
    settings = make_settings(("offline", load_recipe("offline")), ("here", own))
    with tempfile.TemporaryDirectory() as folder:
        found = compare(options.data, options.probe, settings, Path(folder))
    found = {"machine": machine_line(), **own, **found}
    print(json.dumps(found, indent=2))
    target = Path(__file__).parent / "results" / f"probe-{options.name}.json"
    target.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {target.name}")


if __name__ == "__main__":
    main()

"""Show the committed measurements in README.md: two tables and a plot of time against k.

python -m benchmarks.show            # after benchmarks.record, and with `make docs`
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
RESULTS = ROOT / "benchmarks" / "results" / "epyc-zen4-2cores.json"
ON_DISK = ROOT / "benchmarks" / "results" / "out-of-core-epyc-zen4-2cores.json"
PLOT = ROOT / "docs" / "kcenter.png"
SHOWN = ("STREAM", "fused brute float64", "numpy", "MoDS loop", "torch-fps")
NAMES = {
    "real_mean": "sentence embeddings, mean",
    "real_cls": "sentence embeddings, first token",
    "real_cat": "both, side by side",
    "gauss": "iid Gaussian",
    "jittered": "jittered copies of real rows",
}


def table(report: dict[str, Any]) -> str:
    """Ratios of every baseline to mods, one line a case."""
    lines = [
        f"| data | rows x dim | k | mods | {' | '.join(SHOWN)} | 1 thread |",
        "|---|---|---|---|" + "---|" * (len(SHOWN) + 1),
    ]
    for case in report["cases"]:
        if case["k"] < 1000:
            continue
        name = NAMES[case["data"].split()[0]]
        ratios = [f"{case['ratio'][s]:.0f}x" if s in case["ratio"] else "-" for s in SHOWN]
        lines.append(
            f"| {name} | {case['rows']:,} x {case['dim']} | {case['k']:,} "
            f"| {case['seconds']['mods']:.3g} s | {' | '.join(ratios)} "
            f"| {case['ratio']['mods 1 thread']:.1f}x |"
        )
    return "\n".join(lines)


def disk_table(runs: list[dict[str, Any]]) -> str:
    """Runs on a memory-mapped file, from a cold disk."""
    lines = [
        "| rows x dim | file | k | memory limit | own memory | read from disk | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        limit = run["memory_limit_bytes"]
        lines.append(
            f"| {run['rows']:,} x {run['dim']} | {run['file_bytes'] / 1e9:.1f} GB | {run['k']:,} "
            f"| {f'{limit / 1e9:.1f} GB' if limit else 'none (24 GiB)'} "
            f"| {run['core_peak_bytes'] / 1e9:.2f} GB "
            f"| {run['disk_read_bytes'] / run['file_bytes']:.2f} x the file "
            f"| {run['seconds']:.0f} |"
        )
    return "\n".join(lines)


def put(text: str, name: str, shown: str) -> str:
    """Replace what stands between the two comments of that name."""
    block = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    return block.sub(lambda m: f"{m[1]}{shown}\n{m[2]}", text)


def draw(report: dict[str, Any]) -> None:
    """Plot seconds against k on real embeddings, on logarithmic axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    cases = [case for case in report["cases"] if case["data"] == "real_mean"]
    figure = Figure(figsize=(7, 4.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for name in ("mods", *SHOWN):
        label = "reading the rows once per pick (STREAM)" if name == "STREAM" else name
        style = "k--" if name == "STREAM" else "o-"
        axes.plot([c["k"] for c in cases], [c["seconds"][name] for c in cases], style, label=label)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="rows picked (k)",
        ylabel="seconds",
        title=f"exact k-center greedy, {cases[0]['rows']:,} x {cases[0]['dim']} real embeddings",
    )
    axes.grid(alpha=0.3)
    axes.set_ylim(top=20 * axes.get_ylim()[1])  # room for the legend
    axes.legend(fontsize=8, ncols=2, loc="upper left")
    figure.savefig(PLOT)


def main() -> None:
    """Write the tables and the plot."""
    report = json.loads(RESULTS.read_text(encoding="utf-8"))
    text = README.read_text(encoding="utf-8")
    text = put(text, "speed", f"Machine: {report['machine']}.\n\n{table(report)}")
    text = put(text, "disk", disk_table(json.loads(ON_DISK.read_text(encoding="utf-8"))))
    README.write_text(text, encoding="utf-8")
    draw(report)


if __name__ == "__main__":
    main()

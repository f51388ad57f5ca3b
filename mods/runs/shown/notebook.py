"""A run in a notebook: its summary and two small plots, as HTML that needs nothing else."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from mods.runs.picture import draw_radii, draw_scores
from mods.runs.shown.overview import overview
from mods.selection.receipts import FATES
from mods.wording import printable

if TYPE_CHECKING:
    from mods.runs.saved import Told

REASONS = 5
"""So many reasons are shown, those of most rows."""
TEMPLATE = """\
<div>
<p><b>{{ head }}</b></p>
<table>
<tr><th>stage</th>{% for fate in fates %}<th>{{ fate }}</th>{% endfor %}</tr>
{%- for stage, counts in stages %}
<tr><th>{{ stage | safe_text }}</th>
{%- for fate in fates %}<td>{{ "{:,}".format(counts[fate]) }}</td>{% endfor %}</tr>
{%- endfor %}
</table>
<p>{% for one in reasons %}{{ "{:,}".format(one.rows) }} {{ one.fate }} in {{ one.stage }}:
{{ one.reason | safe_text }}<br>
{% endfor %}</p>
{%- for notice in notices %}
<p>note: {{ notice | safe_text }}</p>
{%- endfor %}
<img src="data:image/png;base64,{{ picture }}"
 alt="scores with their threshold; covering radius by number of picks">
</div>
"""


def in_html(told: Told, head: str) -> str:
    """Return a run as a piece of HTML; everything from data is escaped, and nothing is a script."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["safe_text"] = lambda text: printable(str(text))
    found = overview(told)
    rows = found["rows"]
    decided = [(name, counts) for name, counts in rows["by_stage"].items() if any(counts.values())]
    return environment.from_string(TEMPLATE).render(
        head=printable(head),
        fates=FATES,
        stages=[*decided, ("total", rows["totals"])],
        reasons=found["reasons"][:REASONS],
        notices=found["notices"],
        picture=base64.b64encode(small_picture(told)).decode("ascii"),
    )


def small_picture(told: Told) -> bytes:
    """Draw the scores of the quality stage and the covering radius side by side, as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    draw_scores(left, told, "quality", "alpha")
    draw_radii(right, told)
    right.set(ylabel="covering radius", title="")  # the longer ones of the large picture do not fit
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()

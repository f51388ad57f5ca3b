"""Everything that makes a selection, besides the data."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Gt, Le

from mods.errors import SettingsError
from mods.interfaces import KINDS
from mods.settings.amount import Amount
from mods.settings.choice import Choice
from mods.settings.options import Generation, Tuning
from mods.settings.threshold import Threshold

EmbedText = Literal["prompt", "instruction", "both"]


@dataclass(frozen=True)
class RunSettings:
    """The settings of a run, checked."""

    parts: Mapping[str, Choice]
    """The plug-ins by kind, defaults included: `quality`, `embedder`, `selector`, …"""
    seeds: Amount
    """Rows, or tokens, of the first coverage pass."""
    budget: Amount
    """Rows, or tokens, of the selection; when the seeds meet it, no model stage runs."""
    alpha: Threshold
    """Quality: rows above stay."""
    beta: Threshold
    """Necessity: rows below are necessary."""
    model: Choice | None = None
    """The given model (hub id, folder, file) with the options of loading it; needed when the
    budget is above the seeds."""
    count: Literal["trained", "all"] = "trained"
    """Which tokens amounts in tokens count: those that tuning learns, or all that it reads of a
    row, prompt and reply."""
    embed_text: EmbedText = "prompt"
    """What is embedded: the whole prompt with its input, the instruction alone, or both prompt
    and response. Of several turns the newest comes first, the system message last."""
    seed: int = 0
    schema: str | None = None
    """How rows are read; None: recognised from the data."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column by field, for fields that are not where they are looked for."""
    encoding: str = "utf-8"
    """Of text files."""
    max_row_mb: Annotated[int, Gt(0)] = 64
    """Megabytes of one row; a larger one is set aside."""
    media: Literal["refuse", "text"] = "refuse"
    """What becomes of rows with images, sound or films where a part cannot see them: set aside
    with that reason, or judged by their text alone."""
    against: tuple[str, ...] = ()
    """Files of prompts that the model will be tested on: rows that repeat one leave the pool."""
    near: Annotated[float, Gt(0), Le(1)] | None = None
    """Rows whose embedding has this cosine or more with that of such a prompt leave, too; None: the
    words alone decide."""
    tuning: Tuning = field(default_factory=Tuning)
    generation: Generation = field(default_factory=Generation)

    def __post_init__(self) -> None:
        """Check what concerns several settings."""
        if self.seeds.unit == self.budget.unit and self.budget.value < self.seeds.value:
            raise SettingsError(
                f"`budget` {self.budget} is below `seeds` {self.seeds}: the selection holds the "
                "seeds, so raise the budget or lower the seeds"
            )
        if self.tunes and self.model is None:
            raise SettingsError(
                f"`budget` {self.budget} is above `seeds` {self.seeds}, so the necessity stage "
                "tunes the given model: name it with `model` (hub id, folder or GGUF file), or "
                "set the budget to the seeds"
            )
        if self.near is not None and not self.against:
            raise SettingsError("`near` needs prompts: name their files with `against`")
        if self.in_tokens and self.model is None:
            raise SettingsError(
                "tokens are counted with the tokenizer and the template of the model to be tuned: "
                "name it with `model`, or give `seeds` and `budget` in rows"
            )
        if self.tunes and "necessity" not in self.parts:
            raise SettingsError("the necessity stage needs `necessity`")

    @property
    def tunes(self) -> bool:
        """Whether the necessity stage runs, and so the given model is tuned.

        With one amount in rows and the other in tokens it does: what the seeds leave of the budget
        is known only once they are picked.
        """
        return self.budget != self.seeds

    @property
    def in_tokens(self) -> bool:
        """Whether the tokens of rows have to be counted."""
        return self.seeds.in_tokens or self.budget.in_tokens

    def context(self, kind: str) -> dict[str, Any]:
        """Return the values that factories of a kind may ask for by the name of a parameter."""
        wanted = next(k.context for k in KINDS if k.name == kind)
        model = {} if self.model is None else {"model": self.model.name, **self.model.options}
        values: dict[str, Any] = {name: getattr(self, name) for name in wanted if name != "model"}
        return {**values, **(model if "model" in wanted else {})}

    def as_dict(self) -> dict[str, Any]:
        """Return what makes the result as plain JSON: what a recipe could hold."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        decide = {kind.name for kind in KINDS if kind.decides}
        parts = {kind: c.as_dict() for kind, c in values.pop("parts").items() if kind in decide}
        values["against"] = list(self.against)
        for name, value in values.items():
            if isinstance(value, Choice):
                values[name] = value.as_dict()
            elif isinstance(value, Tuning):
                values[name] = {**dataclasses.asdict(value), "template": hashed(value.template)}
            elif isinstance(value, Generation):
                values[name] = dataclasses.asdict(value)
            elif isinstance(value, Amount):
                values[name] = value.plain()
            elif isinstance(value, Threshold):
                values[name] = str(value)
        return {**parts, **values}


def hashed(template: str | None) -> str | None:
    """Name a template by its hash: the text of a file does not belong into a manifest."""
    if template is None or "{" not in template:  # a name, such as `alpaca`
        return template
    return f"sha256:{hashlib.sha256(template.encode('utf-8', 'replace')).hexdigest()}"

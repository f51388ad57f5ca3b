"""`mods_selector`: a selection with mods as an operator of Data-Juicer.

The entry point `mods` of the group `data_juicer.ops` names this module, which Data-Juicer imports
to have the operator registered. Nothing else imports it: it needs Data-Juicer.
"""

from __future__ import annotations

from typing import Any

from data_juicer.ops.base_op import OPERATORS, Selector

from mods.api.select import select

OWN = "__dj__"
"""How the columns begin that Data-Juicer adds for itself."""


@OPERATORS.register_module("mods_selector")
class ModsSelector(Selector):  # type: ignore[misc]
    """Keeps the rows that a model needs, in order of pick, as `mods.select` does.

    Rows stay as they are, with all their columns; which columns are which part of a conversation is
    recognised as in `mods read`, and `columns` of `settings` says otherwise.
    """

    def __init__(
        self,
        recipe: str = "default",
        settings: dict[str, Any] | None = None,
        output: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Take the settings of a run.

        :param recipe: paper, default, offline, or a TOML file.
        :param settings: settings over those of the recipe, such as model, alpha, seeds, budget.
        :param output: the run folder to write, with receipts and report; none without it.
        """
        super().__init__(*args, **kwargs)
        self.recipe, self.settings, self.output = recipe, dict(settings or {}), output

    def process(self, dataset: Any) -> Any:
        """Return the selected rows of a data set; raises `ModsError` as `mods.select` does."""
        rows = [
            {name: value for name, value in row.items() if not name.startswith(OWN)}
            for row in dataset
        ]
        selection = select(rows, recipe=self.recipe, output=self.output, **self.settings)
        return dataset.select([record.row - 1 for record in selection.records])

"""One tuning, from the records to the weights on the disk."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mods.errors import DataError
from mods.progress import cut
from mods_plugins.hf.causal_lm import CausalLM
from mods_plugins.hf.chat.format import Encoded
from mods_plugins.hf.chat.turns import learned_tokens
from mods_plugins.hf.tuning.training import fit
from mods_plugins.hf.tuning.weights import save_weights

if TYPE_CHECKING:
    from mods.records import Record
    from mods.settings.options import Tuning

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What is tuned on what, and where the weights go. It can be pickled."""

    load: Callable[[], CausalLM]
    records: Sequence[Record]
    tuning: Tuning
    checkpoints: Path
    seed: int
    finished: Path
    """The folder of the weights."""
    name: str
    """What an adapter calls its base model."""

    def run(self, micro: int, *, devices: int = 1, first: bool = True) -> None:
        """Train, and write the weights; of several devices the `first` writes them.

        See `fit` for `micro` and what is raised.
        """
        lm = self.load()
        fit(
            lm,
            self._rows(lm),
            self.tuning,
            folder=self.checkpoints,
            seed=self.seed,
            micro=micro,
            devices=devices,
        )
        if first:
            save_weights(lm, self.finished, self.name)

    def _rows(self, lm: CausalLM) -> list[Encoded]:
        """Encode the rows, and leave out those of which nothing is learned."""
        all_turns = self.tuning.turns == "all"
        rows = lm.encode(self.records, self.tuning.max_length, all_turns=all_turns)
        cut(at for at, row in enumerate(rows) if row.cut)
        learned = [row for row in rows if learned_tokens(row)]
        if not learned:
            raise DataError("there is nothing to learn: every answer has the weight 0")
        if len(learned) < len(rows):
            logger.warning(
                "tuning: %d of %d rows have no answer that counts, and were left out",
                len(rows) - len(learned),
                len(rows),
            )
        return learned

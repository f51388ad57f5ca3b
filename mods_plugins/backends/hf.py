"""The model back end `hf`: any causal language model that transformers loads, tuned by peft."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mods.hookspecs import hookimpl
from mods_plugins.causal_lm import CausalLM, model_identity, pick_device, pick_dtype
from mods_plugins.chat import template_identity

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from mods.hookspecs import RegisterModel
    from mods.records import Record
    from mods.settings import Generation, Tuning


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register `hf`."""
    register("hf", HFModel)


class HFModel:
    """The given model, by hub id, folder, `.gguf` file or `package:NAME/PATH`.

    `template` is Jinja text, a file that holds it, or `alpaca`; by default the model's own chat
    template, or the Alpaca form if it has none. `Tuning.template` goes before it. For `dtype` and
    `device` see `CausalLM.load`; full tuning holds its weights in float32 in any case, because
    small steps are lost in bfloat16, and computes in `dtype`.
    """

    def __init__(
        self,
        path: str,
        *,
        revision: str | None = None,
        dtype: str = "auto",
        device: str = "auto",
        template: str | None = None,
    ) -> None:
        self.path = path
        self.revision = revision
        self.dtype = dtype
        self.device = device
        self.template = template

    def identity(self) -> dict[str, Any]:
        """Return which weights these are, how they are asked and how they compute."""
        return {
            **model_identity(self.path, self.revision),
            "template": template_identity(self.template),
            "dtype": str(pick_dtype(self.dtype, pick_device(self.device))).removeprefix("torch."),
        }

    def tune(
        self,
        records: Sequence[Record],
        *,
        tuning: Tuning,
        generation: Generation,
        folder: Path,
        seed: int,
    ) -> TunedModel:
        """Tune on the last response of each record; see `mods_plugins.tuning.tune`."""
        from mods_plugins.tuning import tune

        identity = self.identity()
        lm = tune(
            lambda: self.load(tuning.template),
            records,
            tuning=tuning,
            folder=folder,
            seed=seed,
            name=identity["model"],
            what={"model": identity, "template": template_identity(tuning.template)},
        )
        return TunedModel(lm, generation, max_length=tuning.max_length, seed=seed)

    def load(self, template: str | None = None) -> CausalLM:
        """Load the given model as it is, without tuning."""
        return CausalLM.load(
            self.path,
            revision=self.revision,
            dtype=self.dtype,
            device=self.device,
            template=template or self.template,
        )


class TunedModel:
    """A tuned model that answers and that can be asked for its loss."""

    def __init__(
        self, lm: CausalLM, generation: Generation, *, max_length: int, seed: int = 0
    ) -> None:
        self.lm = lm
        self.generation = generation
        self.max_length = max_length
        self.seed = seed

    def generate(self, records: Sequence[Record]) -> list[str]:
        """Answer each record's context; see `CausalLM.generate`."""
        return self.lm.generate(records, self.generation, seed=self.seed)

    def losses(self, records: Sequence[Record]) -> npt.NDArray[np.float64]:
        """Return the mean loss of each record's own response, nats per token, shape (n,).

        Rows are cut to `max_length` tokens as in tuning.
        """
        rows = self.lm.encode(records, self.max_length)
        return self.lm.mean_losses(rows, batch_size=self.generation.batch_size)

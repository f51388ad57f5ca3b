"""What a kind of plug-in is; `mods.interfaces.KINDS` is the table of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of plug-in."""

    name: str
    hook: str
    """The hook that registers such plug-ins (`mods.hookspecs`)."""
    protocols: tuple[type, ...]
    """What a plug-in offers: one of these."""
    help: str
    """One line for the command line."""
    chosen: bool = True
    """Whether a run chooses one of them, by a setting of the kind's name."""
    default: str | None = None
    """What a run takes that does not say."""
    context: tuple[str, ...] = ("seed",)
    """Values of the run that factories may ask for by a parameter of that name."""
    decides: bool = True
    """Whether the choice decides the result, so that it belongs to what makes a run."""

    @property
    def methods(self) -> str:
        """The methods a plug-in needs, for messages."""
        return " or ".join(" and ".join(methods_of(p)) for p in self.protocols)


def methods_of(protocol: type) -> list[str]:
    """The names of the methods that a protocol asks for."""
    return [f"{n}()" for n, v in vars(protocol).items() if not n.startswith("_") and callable(v)]

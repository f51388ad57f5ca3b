"""Which rows repeat which prompts: shared n-grams of words, weighed (`find_overlaps`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from mods.overlap.index import BREAK, LONG, SHORT, WITHIN, PromptIndex, Shared

if TYPE_CHECKING:
    from mods.data.prompts import Prompt
    from mods.overlap.index import Text
    from mods.records import Record

Kind: TypeAlias = Literal["whole", "13-gram", "8-gram", "near"]

HALF, QUARTER = 0.5, 0.25
"""The share of a prompt's 8-grams, and of its 13-grams, from which a row repeats it."""
FEWEST = 2
"""So many 8-grams at least, that is nine words: eight alone are often a turn of phrase."""
COMMON = 20
"""Words that stand in more rows than this are boilerplate, unless they are a whole prompt."""
BATCH = 1000
"""Rows that are looked at together."""
SAID = 300
"""So many characters of what both have are said in a receipt."""
GAP = " … "
"""Stands between words that do not follow each other."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """A row that repeats a prompt, or most of it."""

    source: str
    """The file, folder or hub id of the row."""
    row: int
    """Its number there, from 1."""
    set: str
    """The set of the prompt; see `mods.data.prompts.Prompt`."""
    prompt: int
    """The row number of the prompt in its own source, from 1."""
    kind: Kind
    """`whole`: the row asks just this, or holds all of it. `13-gram`, `8-gram`: it holds a good
    part of the n-grams of words. `near`: its embedding is close."""
    overlap: str
    """The words that both have: lower case, without punctuation."""
    share: float
    """The share of the prompt's n-grams of that kind that the row holds; for `near` the cosine."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        """Say it in words, for a receipt."""
        share = f"cosine {self.share:.3f}" if self.kind == "near" else f"{self.share:.0%}"
        said = self.overlap if len(self.overlap) <= SAID else f"{self.overlap[: SAID - 1]}…"
        return f"repeats {self.set}, row {self.prompt} ({self.kind}, {share}): {said}"


def find_overlaps(
    records: Iterable[Record],
    prompts: Sequence[Prompt],
    *,
    on_progress: Callable[[int], object] | None = None,
) -> list[Overlap]:
    """Find the records that repeat prompts, in their order, then by prompt.

    Words are compared (`mods.overlap.words`), in 8-grams and 13-grams that do not go across turns,
    in all turns of a row. A pair is found, by the first rule that holds,

    - `whole`: if the row asks what the prompt asks and nothing else, or opens with it; or if it
      holds every 8-gram of the prompt, and either the prompt has 13 words or more, or no more than
      20 rows do;
    - `13-gram`: if it holds a quarter or more of the prompt's 13-grams;
    - `8-gram`: if it holds half or more of the prompt's 8-grams, and two at least.

    What stands in more than 20 rows, or in more than 20 prompts, is boilerplate and counts for
    neither of the last two. A share of n-grams has been the usual measure since GPT-3 (Brown et al.
    2020, arXiv 2005.14165, appendix C, 13-grams); 8-grams and half are those of Tulu 3 (Lambert et
    al. 2024, arXiv 2411.15124, section 3.2), which counts words where this counts n-grams.

    `on_progress` is called with the number of records seen since the last call.
    """
    index = PromptIndex(prompts)
    shared: list[tuple[str, int, list[Shared]]] = []
    for batch in batches(records):
        for at, found in index.look(batch):
            shared.append((batch[at].source, batch[at].row, found))
        if on_progress:
            on_progress(len(batch))
    rows = Counter((one.text, at) for _, _, found in shared for one in found for at in one.eights)
    common = {gram for gram, count in rows.items() if count > COMMON}
    overlaps: list[Overlap] = []
    for source, row, found in shared:
        for one in found:
            text = index.texts[one.text]
            judged = judge(one, text, common)
            if judged:
                overlaps += (
                    Overlap(source, row, prompt.set, prompt.row, *judged) for prompt in text.prompts
                )
    return overlaps


def batches(records: Iterable[Record]) -> Iterable[list[Record]]:
    """Yield the records in lists."""
    batch: list[Record] = []
    for record in records:
        batch.append(record)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


class Judged(NamedTuple):
    """What a pair of a row and a prompt comes to."""

    kind: Kind
    overlap: str
    share: float


def judge(shared: Shared, text: Text, common: set[tuple[int, int]]) -> Judged | None:
    """Weigh what a row and a prompt share; None where it is too little."""
    rare = {at for at in shared.eights if (shared.text, at) not in common}
    complete = len(shared.eights) == text.eights > 0
    if shared.asked or (complete and (len(text.words) >= LONG or len(rare) == text.eights)):
        return Judged("whole", " ".join(text.words).replace(BREAK, GAP.strip()), 1.0)
    thirteens = [at for at in shared.thirteens if any(at + i in rare for i in range(WITHIN))]
    if thirteens and len(thirteens) >= QUARTER * text.thirteens:
        return Judged("13-gram", spelt(text, rare), len(thirteens) / text.thirteens)
    if len(rare) >= max(FEWEST, HALF * text.eights):
        return Judged("8-gram", spelt(text, rare), len(rare) / text.eights)
    return None


def spelt(text: Text, eights: Iterable[int]) -> str:
    """Return the words of the 8-grams that begin at these places, in order."""
    places = sorted({at + i for at in eights for i in range(SHORT)})
    parts = [text.words[places[0]]]
    for before, at in pairwise(places):
        parts += [" " if at == before + 1 else GAP, text.words[at]]
    return "".join(parts)

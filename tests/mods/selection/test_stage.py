"""What every stage is given; a mistake is found before any stage is paid for."""

import pytest
from conftest import HERE

import mods
from mods import PluginError, SettingsError
from mods.selection.stage import choose_parts, score_name


def test_the_columns_of_scores_are_plain_names():
    assert score_name("quality", "reward-model") == "quality_reward_model"
    assert score_name("quality", "ifd:model=a/b") == "quality_ifd_model_a_b"


def test_only_a_run_that_tunes_makes_the_parts_of_the_model_stage(registry, toy_settings):
    assert choose_parts(registry, toy_settings()).keys() >= {"trainer", "generator", "necessity"}
    parts = choose_parts(registry, toy_settings(budget=8, necessity="no-such"))
    assert parts.keys() == {"quality", "embedder", "selector", "executor"}


def fails():
    raise OSError("no such model")


class Needy:
    """A selector with needs of its own."""

    def select(self, pool, budget, *, initial):
        """Never called here."""


def needing(*needs):
    return type("Needing", (Needy,), {"needs": needs})


@pytest.mark.parametrize(
    ("factory", "error", "message"),
    [
        (fails, PluginError, r"'mine' \(this test\) could not be made: OSError: no such model"),
        (needing("toy-lenght"), SettingsError, "'mine' .* needs .*did you mean 'toy-length'"),
        (needing("toy-length:a=1"), SettingsError, "'mine' .* needs .*no option 'a'"),
    ],
)
def test_a_part_that_cannot_be_made_costs_no_stage(
    factory, error, message, registry, select, calls
):
    registry.register("selector", HERE, "mine", factory)
    with pytest.raises(error, match=message):
        select(selector="mine")
    assert calls() == []


def test_token_counts_need_a_trainer_that_counts(registry, toy_settings):
    registry.register("selector", HERE, "mine", needing("tokens"))
    with pytest.raises(SettingsError, match="needs token counts: choose a `trainer` that counts"):
        choose_parts(registry, toy_settings(selector="mine", budget=8))


def test_an_option_of_the_model_that_nobody_takes_is_refused(registry, toy_settings):
    with pytest.raises(SettingsError, match="`model` has no option 'dtype': neither trainer"):
        choose_parts(registry, toy_settings(model="toy:dtype=bf16"))


PICTURE = {
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "what is this?"},
                                     {"type": "image", "image": "a.png"}]},
        {"role": "assistant", "content": "a cat, which sits on a mat and looks at us all day long"},
    ]
}  # fmt: skip


def test_rows_with_media_are_kept_from_parts_that_do_not_see_them(select, rows):
    receipt = select([*rows, PICTURE]).receipts[-1]
    assert (receipt.fate, receipt.stage) == ("quarantined", "quality")
    assert receipt.reason.startswith("holds media (image), which toy-length does not see")
    by_text = select([*rows, PICTURE], media="text")
    assert by_text.receipts[-1].fate != "quarantined"
    assert "toy-length: 1 rows with media by their text alone" in by_text.manifest["notices"]


def test_rows_that_a_part_could_not_read_whole_are_noted_and_marked(select, registry, rows):
    class Short:
        def score(self, records):
            mods.cut(at for at, record in enumerate(records) if len(record.response) > 60)
            return [float(len(record.response)) for record in records]

    registry.register("quality", HERE, "short", Short)
    long = {at for at, row in enumerate(rows[:40]) if len(row["output"]) > 60}
    assert long
    for _ in range(2):  # computed, then from the cache
        selection = select(quality="short")
        assert {at for at, receipt in enumerate(selection.receipts) if receipt.cut} == long
        assert any(
            f"{len(long)} of 40 rows are longer than short reads and were cut" in notice
            for notice in selection.manifest["notices"]
        )

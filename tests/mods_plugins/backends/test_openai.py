"""The generator `openai`: through the pipeline, as `mods run` uses it."""

import os
import signal

import pytest
from conftest import HERE
from support.chat_server import DROP, NEVER, ChatServer, fails, says

from mods import Conversation, ModsError, SettingsError, Unscorable, Weights
from mods.progress import noticing
from mods.settings.options import Generation
from mods.testing import check_generator
from mods_plugins.backends.openai import OpenAIGenerator, register_generators
from mods_plugins.openai import pace

KEY = "sk-0123456789abcdef"


@pytest.fixture
def made(monkeypatch):
    """Make a generator that asks a stub."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    def make(stub, **options):
        given = {"generation": Generation(max_new_tokens=9), "retries": 0, **options}
        return OpenAIGenerator(stub.url, "tiny", **given)

    return make


@pytest.fixture
def served(registry):
    registry.register("generator", HERE, "openai", OpenAIGenerator)
    return registry


def through(stub, **more):
    options = {"base_url": stub.url, "model": "tiny", "tuned": "ignore", "retries": 0, **more}
    return {"name": "openai", **options}


def test_it_keeps_the_rules_of_generators(made):
    with ChatServer() as stub:
        check_generator(made(stub))


def test_the_decoding_of_the_run_is_asked_for(made):
    with ChatServer() as stub:
        made(stub, extra='{"top_p": 0.5}').answers([Conversation.from_instruction("?")], None)
        warm = Generation(temperature=0.7)
        made(stub, generation=warm, seed=3).answers([Conversation.from_instruction("?")], None)
        first, second = (asked.body for asked in stub.seen)
    assert (first["max_tokens"], first["temperature"], first["top_p"]) == (9, 0, 0.5)
    assert "seed" not in first
    assert (second["temperature"], second["seed"]) == (0.7, 3)


def test_answers_that_were_cut_are_marked_and_refusals_have_none(made):
    def answer(asked):
        if asked.text == "long":
            return says("on and", finish="length")
        return says("", refusal="no") if asked.text == "bad" else says("yes")

    asked = [Conversation.from_instruction(text) for text in ("good", "long", "bad")]
    with ChatServer(answer) as stub, noticing() as noticed:
        found = made(stub).answers(asked, None)
    assert found == ["yes", "on and", Unscorable('the model refused to answer: "no"')]
    assert noticed.cut == {1}
    assert noticed.notes == ["openai: some answers end at 9 tokens (`max_new_tokens`), cut"]


def test_weights_that_no_server_can_load_are_refused_before_any_stage(
    served, select, calls, tmp_path, made
):
    with ChatServer() as stub:
        with pytest.raises(SettingsError, match=r"cannot load the weights .* tuned=ignore"):
            select(generator=through(stub, tuned="refuse"))
        with pytest.raises(SettingsError, match="cannot load the weights"):
            made(stub, tuned="ignore").answers([], Weights(tmp_path, {}))
        assert stub.seen == []
    assert calls() == []


def test_a_wrong_model_and_beams_are_told_before_any_stage(served, select, calls):
    with ChatServer(models=("large",)) as stub:
        with pytest.raises(ModsError, match="no model 'tiny'"):
            select(generator=through(stub))
        with pytest.raises(ModsError, match="no beams"):
            select(generator=through(stub), generation={"beams": 4})
        assert stub.seen == []
    assert calls() == []


def test_with_tuned_ignore_nothing_is_tuned_and_the_run_says_so(served, select, calls):
    with ChatServer(lambda asked: says(asked.text.split()[0])) as stub:
        selection = select(generator=through(stub))
    assert {kind for kind, _ in calls()} == {"score", "embed", "review"}
    assert selection.totals["selected"] == 14
    assert any("no model was tuned on the seeds" in n for n in selection.manifest["notices"])
    assert "trainer" not in selection.manifest["makes"]["plugins"]


def test_a_run_that_the_server_left_goes_on_and_asks_only_what_is_missing(served, select, tmp_path):
    room = [9]

    def answer(asked):
        room[0] -= 1
        return says(asked.text) if room[0] >= 0 else fails(401)

    with ChatServer(answer) as stub:
        few = through(stub, concurrency=2)  # four rows a call
        with pytest.raises(ModsError, match="the key is refused"):
            select(generator=few, alpha="top 40")
        asked = stub.texts()
        kept = asked[:8]  # two calls were finished; of the third one row may have been
        room[0] = 1000
        selection = select(generator=few, alpha="top 40")
        again = stub.texts()[len(asked) :]
        assert not set(kept) & set(again)
        assert len(again) == len(set(again))
        assert 40 - 8 - len(again) in (8, 9)
        select(generator=few, alpha="top 40", budget=12)
        assert len(stub.seen) == len(asked) + len(again)
    with ChatServer(lambda asked: says(asked.text)) as other:
        whole = select(generator=through(other), alpha="top 40", cache=tmp_path / "other")
    assert [r.id for r in whole.records] == [r.id for r in selection.records]


def test_ctrl_c_keeps_every_answer_that_is_there(served, select):
    first = []

    def answer(asked):
        if len(first) == 5:
            os.kill(os.getpid(), signal.SIGINT)
            return NEVER
        first.append(asked.text)
        return says(asked.text)

    with ChatServer(answer) as stub:
        one_by_one = through(stub, concurrency=1)
        with pytest.raises(KeyboardInterrupt):
            select(generator=one_by_one)
        stub.answer = lambda asked: says(asked.text)
        before = len(stub.seen)
        select(generator=one_by_one)
        again = stub.texts()[before:]
    assert len(first) == 5
    assert not set(first) & set(again)
    assert len(again) == 22 - 5


def test_a_row_that_failed_in_passing_is_asked_again_by_the_next_run(served, select, tmp_path):
    ill = [True]

    def answer(asked):
        return fails(500) if "guitar" in asked.text and ill[0] else says(asked.text)

    with ChatServer(answer) as stub:
        found = select(generator=through(stub))
        away = [r for r in found.receipts if r.fate == "quarantined" and r.stage == "necessity"]
        (note,) = [n for n in found.manifest["notices"] if "failed in passing" in n]
        assert note.startswith(f"necessity: answers: {len(away)} rows failed in passing")
        ill[0], before = False, len(stub.seen)
        well = select(generator=through(stub))
        assert len(stub.seen) - before == len(away) > 0
    assert not [r for r in well.receipts if r.fate == "quarantined" and r.stage == "necessity"]


def test_answers_at_the_limit_are_told_as_such(served, select):
    with ChatServer(lambda asked: says(asked.text, finish="length")) as stub:
        notices = select(generator=through(stub)).manifest["notices"]
    told = "answers: 22 of 22 rows were cut: the prompt, or the answer, is longer than openai takes"
    assert told in notices
    assert not [n for n in notices if "longer than openai reads" in n]


def test_a_bad_day_of_the_server_changes_no_receipt(served, select, tmp_path, monkeypatch):
    monkeypatch.setattr(pace, "SHORTEST", 0.001)
    bad = [fails(429, Retry_After="0.01"), fails(500), DROP, b'{"choices": [', fails(503), NEVER]

    def on_a_bad_day(asked):
        at = sum(map(ord, asked.text)) % 7
        return bad[at] if at < len(bad) and asked.times == 1 else says(asked.text)

    found = []
    for name, answer in (("good", lambda asked: says(asked.text)), ("bad", on_a_bad_day)):
        with ChatServer(answer) as stub:
            generator = through(stub, retries=4, timeout=1.0)
            selection = select(generator=generator, cache=tmp_path / name)
            found.append((selection.receipts, [record.id for record in selection.records]))
            asked = len(stub.seen)
    assert asked > 22
    assert found[0] == found[1]


def test_the_key_is_nowhere_in_what_a_run_leaves(served, select, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    with ChatServer(lambda asked: says(f"you said {asked.headers['Authorization']}")) as stub:
        select(generator=through(stub, key_env="MY_KEY"), output=tmp_path / "run")
        assert {asked.headers["Authorization"] for asked in stub.seen} == {f"Bearer {KEY}"}
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"manifest.json", "receipts.parquet"} <= {path.name for path in left}
    assert any(path.suffix == ".sqlite" or "responses" in path.name for path in left)
    assert [str(path) for path in left if KEY.encode() in path.read_bytes()] == []
    assert os.environ["MY_KEY"] == KEY


def test_a_row_that_the_server_refuses_is_quarantined_with_its_words(served, select):
    def answer(asked):
        full = "guitar" in asked.text
        return fails(400, "maximum context length is 8 tokens") if full else says(asked.text)

    with ChatServer(answer) as stub:
        selection = select(generator=through(stub))
    away = [r for r in selection.receipts if r.fate == "quarantined"]
    assert away
    assert all(r.stage == "necessity" and "maximum context length" in r.reason for r in away)


def test_it_is_registered_as_openai():
    found = {}
    register_generators(found.__setitem__)
    assert found == {"openai": OpenAIGenerator}

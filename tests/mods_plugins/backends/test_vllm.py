"""The generator `vllm`: with a program that stands in for vLLM, and with a given server."""

import json
import os
import signal
import subprocess
import tempfile
from dataclasses import replace

import pytest
from conftest import HERE
from support import fake_vllm
from support.fake_vllm import alive
from support.tiny_classifiers import pair_tokenizer
from support.tiny_models import tiny_llama
from support.tuned import ASKED, TUNING

from mods import Conversation, ModsError, SettingsError, Weights
from mods.progress import noticing
from mods.settings.options import Generation
from mods.testing import check_generator
from mods_plugins.backends.hf import GivenModel
from mods_plugins.backends.vllm import VLLMGenerator, register_generators
from mods_plugins.openai.endpoints import Written
from mods_plugins.processes import free_port
from mods_plugins.serving.process import answers

GENERATION = Generation(max_new_tokens=12)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return str(tiny_llama(tmp_path_factory.mktemp("llama")))


@pytest.fixture
def pids(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    file = tmp_path / "pids"
    monkeypatch.setenv("FAKE_VLLM_PIDS", str(file))
    return file


@pytest.fixture
def made(path, tmp_path, pids, monkeypatch):
    """Make a generator on the stand-in; whatever a test leaves running is stopped."""
    monkeypatch.setenv("MODS_VLLM", fake_vllm.installed(tmp_path))
    made = []

    def make(**options):
        given = {"tuning": TUNING, "generation": GENERATION, "retries": 0}
        made.append(VLLMGenerator(path, **{**given, **options}))
        return made[-1]

    yield make
    for generator in made:
        generator.close()


@pytest.fixture
def adapter(tmp_path):
    folder = tmp_path / "tuning" / "tuned"
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text('{"r": 12}')
    return Weights(folder, {"rows": ["a"]})


def last(path, asked):
    """The last token of a prompt, as tuning renders it."""
    chat = GivenModel.asked_as(TUNING, path, None, "auto", "cpu", None, None).load_chat()
    return chat.prompts([asked], 500)[0][-1]


def arguments(pids):
    return [json.loads(line) for line in pids.with_name("pids.argv").read_text().splitlines()]


def after(words, name):
    return words[words.index(name) + 1]


def test_it_keeps_the_rules_of_generators(made):
    check_generator(made())


def test_the_tuned_adapter_answers_on_this_machine_alone(made, adapter, path, pids):
    generator = made(arguments="--enforce-eager")
    asked = ASKED[:3]
    assert generator.answers(asked, adapter) == [f"tuned:{last(path, one)}" for one in asked]
    generator.answers(asked, adapter)
    (words,) = arguments(pids)  # one start for both
    assert words[:2] == ["serve", path]
    assert after(words, "--host") == "127.0.0.1"
    assert after(words, "--max-lora-rank") == "16"
    assert after(words, "--lora-modules").endswith(f"={adapter.path}")
    assert after(words, "--generation-config") == "vllm"
    assert after(words, "--max-model-len") == "512"
    assert "--enforce-eager" in words
    assert len(alive_now(pids)) == 2
    generator.close()
    assert alive(pids) == []


def alive_now(pids):
    return [pid for pid in pids.read_text().split() if fake_vllm.running(int(pid))]


def test_other_weights_start_another_server_and_a_whole_model_is_served_as_such(
    made, adapter, pids, tmp_path
):
    generator = made()
    whole = tiny_llama(tmp_path / "whole")
    assert generator.answers(ASKED[:1], adapter)[0].startswith("tuned:")
    assert generator.answers(ASKED[:1], None)[0].startswith("plain:")
    assert generator.answers(ASKED[:1], Weights(whole, {"w": 1}))[0].startswith("plain:")
    assert [words[1] for words in arguments(pids)] == [generator.given.name] * 2 + [str(whole)]
    assert len(alive_now(pids)) == 2
    generator.close()
    assert alive(pids) == []


def test_decoding_is_that_of_the_run_and_prompts_are_cut_as_by_hf(made, monkeypatch):
    generator = made(generation=Generation(max_new_tokens=7, temperature=0.5), seed=3)
    fields = generator._fields
    assert (fields["max_tokens"], fields["temperature"], fields["seed"]) == (7, 0.5, 3)
    assert (fields["top_p"], fields["top_k"], fields["repetition_penalty"]) == (1.0, 0, 1.0)
    assert fields["stop_token_ids"] == generator._chat.stop_ids
    with noticing() as noticed:
        generator.answers([ASKED[0], Conversation.from_instruction("x" * 2000)], None)
    assert noticed.cut == {1}


def test_what_is_written_ends_at_the_token_that_ends_an_answer(made):
    generator = made()
    (end,) = generator._stops
    prompt = generator._chat.prompts_each(ASKED[:1], 500)[0]
    ids = generator._chat.tokenizer("hello", add_special_tokens=False)["input_ids"]
    assert generator._text(prompt, Written((*ids, end, *ids), 0, "")) == "hello"


def test_a_server_that_dies_in_the_middle_is_told_by_its_log(made, pids, monkeypatch):
    monkeypatch.setenv("FAKE_VLLM", "dies-later")
    generator = made(concurrency=1)
    with pytest.raises(ModsError, match=r"vllm ended by itself") as error:
        generator.answers(ASKED[:3], None)
    assert "EngineDeadError: the engine is gone" in str(error.value)
    generator.close()
    assert alive(pids) == []


def test_a_run_stops_its_server_also_when_it_fails(made, registry, select, path, pids, monkeypatch):
    monkeypatch.setenv("FAKE_VLLM", "dies-later")
    registry.register("generator", HERE, "vllm", VLLMGenerator)
    options = {"name": "vllm", "retries": 0, "concurrency": 4}
    run = {"generator": options, "model": path}
    with pytest.raises(ModsError, match="ended by itself"):
        select(**run)
    assert alive(pids) == []
    monkeypatch.setenv("FAKE_VLLM", "")
    selection = select(**run)
    assert selection.totals["selected"] == 14
    assert alive(pids) == []
    identity = selection.manifest["makes"]["plugins"]["generator"]["identity"]
    assert len(identity["sha256"]) == 64
    assert "port" not in json.dumps(identity)
    assert "vllm: answered by version 0.0" in selection.manifest["notices"]


def test_what_vllm_cannot_do_is_told_before_any_stage(made, tmp_path, monkeypatch):
    with pytest.raises(SettingsError, match="no beams"):
        made(generation=Generation(beams=4)).check()
    with pytest.raises(SettingsError, match="cannot hold --host"):
        made(arguments="--host 0.0.0.0").check()
    generator = made()
    monkeypatch.setenv("MODS_VLLM", str(tmp_path / "none"))
    with pytest.raises(SettingsError, match="there is no program"):
        generator.check()


@pytest.fixture
def served(made, path, pids):
    """A vLLM that somebody else started; its address."""

    def serve(model):
        port = free_port()
        words = ["serve", model, "--host", "127.0.0.1", "--port", str(port)]
        server = subprocess.Popen(
            [os.environ["MODS_VLLM"], *words, "--served-model-name", "theirs"]
        )
        servers.append(server)
        while not answers(port, "/health"):
            assert server.poll() is None
        return f"http://127.0.0.1:{port}/v1"

    servers = []
    yield serve
    for server in servers:
        server.kill()
        server.wait()
    for pid in alive_now(pids):
        os.kill(int(pid), signal.SIGKILL)


def test_a_given_server_takes_the_adapter_for_the_time_being(made, served, adapter, path):
    generator = made(server=served(path))
    generator.check()
    assert generator.answers(ASKED[:1], adapter) == [f"tuned:{last(path, ASKED[0])}"]
    name = generator._running[1].client.server.model
    assert name.startswith("mods-")
    generator.close()
    assert generator.answers(ASKED[:1], None) == [f"plain:{last(path, ASKED[0])}"]
    listed = json.loads(generator._running[1].client.listed())
    assert [one["id"] for one in listed["data"]] == ["theirs"]


def test_a_given_server_with_another_model_is_refused(made, served, tmp_path):
    other = tiny_llama(tmp_path / "other")
    pair_tokenizer().save_pretrained(other)
    with pytest.raises(ModsError, match="another tokenizer than the given model"):
        made(server=served(str(other))).check()


def test_a_given_server_loads_no_whole_model(made):
    with pytest.raises(SettingsError, match=r"set `tuning\.method` to lora"):
        made(server="http://127.0.0.1:9/v1", tuning=replace(TUNING, method="full")).check()


def test_it_is_registered_as_vllm():
    found = {}
    register_generators(found.__setitem__)
    assert found == {"vllm": VLLMGenerator}

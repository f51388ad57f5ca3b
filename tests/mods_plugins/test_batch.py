"""`mods batch` beside a run: the run stops, its requests are answered, the run goes on."""

import json

import pytest
from conftest import HERE
from support.chat_server import ChatServer, says

from mods import ModsError
from mods_plugins.backends.openai import OpenAIGenerator
from mods_plugins.scorers.llm_judge import LLMJudge


@pytest.fixture
def served(registry):
    registry.register("generator", HERE, "openai", OpenAIGenerator)
    registry.register("quality", HERE, "llm-judge", LLMJudge)
    return registry


def answer(folder, number, text, out):
    """Answer a file of requests, as a service does."""
    file = folder / f"requests-{number:03}.jsonl"
    found = [json.loads(line) for line in file.read_text().splitlines()]
    lines = []
    for one in reversed(found):
        body = json.loads(says(text(one["body"]["messages"]))[2])
        response = {"status_code": 200, "body": body}
        lines.append(json.dumps({"custom_id": one["custom_id"], "response": response}))
    out.write_text("\n".join(lines))
    return len(found)


def test_a_run_goes_on_from_batches_as_if_a_server_had_answered(served, select, mods, tmp_path):
    def text(messages):
        return messages[-1]["content"].split()[0]

    base = {"name": "openai", "model": "tiny", "tuned": "ignore"}
    with ChatServer(lambda asked: says(text(asked.body["messages"]))) as stub:
        live = select(generator={**base, "base_url": stub.url})
    folder, done = tmp_path / "batch", tmp_path / "done.jsonl"
    bulk = {**base, "base_url": stub.url, "batch": str(folder)}
    place = tmp_path / "other"
    with pytest.raises(ModsError, match="22 requests wait"):
        select(generator=bulk, cache=place)
    assert answer(folder, 1, text, done) == 22
    told = mods("batch", "show", folder, "--json")
    assert json.loads(told.output) == {
        "requests": 22, "results": 0, "waiting": 22, "files": ["requests-001.jsonl"],
    }  # fmt: skip
    assert mods("batch", "read", folder, done).output == "22 answers taken\n"
    selection = select(generator=bulk, cache=place)
    assert [r.id for r in selection.records] == [r.id for r in live.records]
    assert selection.manifest["makes"]["plugins"] == live.manifest["makes"]["plugins"]


def test_a_judge_s_second_question_is_a_second_batch(served, select, mods, tmp_path):
    def text(messages):
        again = len(messages) > 1
        vague = "guitar" in messages[0]["content"] and not again
        return "very good" if vague else '{"reason": "x", "score": 7}'

    folder, done = tmp_path / "judged", tmp_path / "done.jsonl"
    quality = {"name": "llm-judge", "server": "http://example.org/v1", "model": "tiny"}
    quality["batch"] = str(folder)
    for number, asked in ((1, 40), (2, 5)):
        with pytest.raises(ModsError, match=f"{asked} requests wait .*requests-00{number}"):
            select(quality=quality)
        assert answer(folder, number, text, done) == asked
        mods("batch", "read", folder, done)
    selection = select(quality=quality)
    scores = [r.scores.get("quality_llm_judge") for r in selection.receipts if r.id]
    assert set(scores) <= {7.0, None}
    assert "response_format" in (folder / "requests-001.jsonl").read_text()


def test_what_was_not_taken_is_told_line_by_line(served, select, mods, tmp_path):
    folder, done = tmp_path / "batch", tmp_path / "done.jsonl"
    bulk = {"name": "openai", "model": "tiny", "tuned": "ignore", "batch": str(folder)}
    with pytest.raises(ModsError, match="wait"):
        select(generator={**bulk, "base_url": "http://example.org/v1"})
    asked = [json.loads(x) for x in (folder / "requests-001.jsonl").read_text().splitlines()]
    error = {"custom_id": asked[0]["custom_id"], "error": {"message": "batch \x1b[31m expired"}}
    done.write_text(json.dumps(error) + '\n{"custom_id": "who", "error": {"m": 1}}\nnonsense\n')
    out = mods("batch", "read", folder, done).output
    assert "0 answers taken" in out
    assert "1 failed, to be asked again: HTTP 500" in out
    assert "1 with an id that nobody asked for, not taken: who" in out
    assert f"1 are no results: {done}:3: no JSON" in out
    assert "21 requests have no result yet" in out
    assert "\x1b" not in out
    assert "holds no requests" in mods("batch", "read", tmp_path / "x", done, code=1).output

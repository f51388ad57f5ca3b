"""The scorer `llm-judge`: what a judge is told, what is taken for a score, what is not."""

import json
import signal
import subprocess
import sys
import time

import pytest
from conftest import write_rows
from support.chat_server import NEVER, ChatServer, fails, says

from mods import ModsError, Record, SettingsError, Unscorable
from mods.progress import noticing
from mods.testing import check_quality_scorer
from mods_plugins.openai.replies import Reply
from mods_plugins.scorers.llm_judge import LLMJudge, register_quality_scorers

ROWS = [Record.from_instruction(f"question {i}", f"answer {i}") for i in range(4)]


def judge(stub, **options):
    return LLMJudge(stub.url, "tiny", **{"retries": 0, **options})


def rated(asked):
    """Rate a row by the digit at the end of its answer; the probe gets no score."""
    end = asked.text.find("\nREPLY>>>")
    return says(json.dumps({"reason": "so", "score": int(asked.text[end - 1]) + 1}))


@pytest.fixture(autouse=True)
def without_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def answering(asked):
    return says('{"reason": "short", "score": 5}') if asked.text == "Say OK." else rated(asked)


def test_scores_are_those_of_the_judge_in_order():
    with ChatServer(answering) as stub:
        assert judge(stub).score(ROWS) == [1.0, 2.0, 3.0, 4.0]
        told = stub.seen[-1].body
        assert told["temperature"] == 0
        assert told["response_format"]["json_schema"]["schema"]["required"] == ["reason", "score"]


def test_it_keeps_the_rules_of_scorers():
    with ChatServer(lambda asked: says(f'{{"score": {1 + len(asked.text) % 9}}}')) as stub:
        check_quality_scorer(judge(stub))


def test_a_server_without_schemas_is_asked_without():
    def answer(asked):
        return fails(400, "response_format?") if "response_format" in asked.body else rated(asked)

    with ChatServer(answer) as stub:
        one = judge(stub)
        assert one.score(ROWS[:2]) == [1.0, 2.0]
        assert one.score(ROWS[2:]) == [3.0, 4.0]
        assert stub.texts().count("Say OK.") == 1
        with pytest.raises(ModsError, match="response_format"):
            judge(stub, structured="always").score(ROWS)


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ('{"reason": "a {b}", "score": 7}', 7.0),
        ('Well.\n```json\n{"reason": "x", "score": 7.5}\n```', 7.5),
        ('<think>{"score": 1}</think>{"score": 10}', 10.0),
        ('{"score": 11}', None), ('{"score": 0}', None), ('{"score": NaN}', None),
        ('{"score": "7"}', None), ('{"score": true}', None), ('{"score": null}', None),
        ("7", None), ("", None), ("[7]", None), ('{"score": 1e999}', None),
        ('The row says {"score": 10}. I say {"score": 2}.', None),
    ],
)  # fmt: skip
def test_what_is_taken_for_a_score(text, score):
    with ChatServer() as stub:
        assert judge(stub).read(Reply(text, False, 0, "tiny")) == score


def test_an_answer_without_score_is_asked_for_once_more_and_is_never_made_up():
    def answer(asked):
        turns = asked.body["messages"]
        stubborn, again = "answer 1" in turns[0]["content"], len(turns) > 1
        if "answer 2" in turns[0]["content"] and again:
            return says('{"score": 9}')
        return says("very good!") if stubborn or "answer 2" in asked.text else rated(asked)

    with ChatServer(answer) as stub, noticing() as noticed:
        found = judge(stub, structured="never").score(ROWS)
        assert len(stub.seen) == 6
    reason = "the judge gave no score from 1 to 10, asked twice"
    assert found == [1.0, Unscorable(reason), 9.0, 4.0]
    assert noticed.notes == ["llm-judge: some answers held no score and were asked for once more"]


def test_a_rubric_of_the_users_own_decides_and_is_part_of_the_identity(tmp_path):
    path = tmp_path / "rubric.txt"
    path.write_text(
        "{{ prompt }} / {{ response }} / {{ tools }} from {{ lowest }} to {{ highest }}"
    )
    with ChatServer(lambda asked: says('{"score": -1}')) as stub:
        own = judge(stub, rubric=str(path), lowest=-1, highest=1, structured="never")
        own.check()
        assert own.score(ROWS[:1]) == [-1.0]
        assert stub.texts() == ["question 0 / answer 0 / [] from -1 to 1"]
        assert own.identity() != judge(stub, lowest=-1, highest=1, structured="never").identity()


@pytest.mark.parametrize(
    ("rubric", "told"),
    [("{{ prompt }}", "response"), ("{{ response }}", "prompt"), ("{% if %}", "rendered")],
)
def test_a_rubric_that_leaves_out_the_row_is_told_before_any_work(rubric, told):
    with ChatServer() as stub:
        with pytest.raises(SettingsError, match=f"`rubric` .*{told}"):
            judge(stub, rubric=rubric).check()
        with pytest.raises(SettingsError, match="`rubric` nowhere"):
            judge(stub, rubric="nowhere")


def test_other_responses_are_judged_without_their_thoughts():
    with ChatServer(answering) as stub:
        texts = ["<think>\nanswer 9\n</think>\n\nanswer 8", "answer 7"]
        assert judge(stub).score_responses(ROWS[:2], texts) == [9.0, 8.0]
        assert not any("answer 9" in text for text in stub.texts())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_command_ends_though_the_server_never_does(tmp_path, number, code):
    data = write_rows(tmp_path / "data.jsonl")
    with ChatServer(lambda asked: NEVER) as stub:
        quality = f"llm-judge:server={stub.url},model=tiny,structured=never"
        command = [sys.executable, "-m", "mods", "score", data, "--quality", quality]
        more = ["-o", "scores.parquet", "--cache", "cache"]
        process = subprocess.Popen([*command, *more], stderr=subprocess.PIPE, text=True)
        while not stub.seen and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in told) == (code, False), told
    assert "interrupted: finished batches are kept" in told


def test_it_is_registered_as_llm_judge():
    found = {}
    register_quality_scorers(found.__setitem__)
    assert found == {"llm-judge": LLMJudge}

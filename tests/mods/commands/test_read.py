"""`mods read`: how data is read is told before anything is run on it."""

import json


def test_it_tells_columns_unused_ones_broken_rows_and_shows_records(mods, tmp_path):
    data = tmp_path / "rows.jsonl"
    rows = [
        {"question": "Name a tree", "answer": "Oak", "article": "", "id": 1},
        {"question": "Who?", "answer": "Ada\x1b[31m", "article": "A text.", "topic": "people"},
    ]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{\n")
    told = mods("read", data, "--quiet").output
    assert "read as alpaca: instruction=question, output=answer, input=article" in told
    assert "not used: id, topic" in told
    assert "rows in 3 = 2 records + 0 duplicates + 1 broken" in told
    assert f"broken: {data}:3: not JSON" in told
    assert "  user       Who?\\nA text." in told
    assert "\x1b" not in told
    assert not list(tmp_path.glob("cache*")), "nothing is written"


def test_a_column_that_carries_meaning_and_is_not_used_is_told_louder(mods, tmp_path):
    data = tmp_path / "rows.jsonl"
    data.write_text(json.dumps({"instruction": "a", "output": "b", "messages_": 1, "prompt": "c"}))
    told = mods("read", data, "--quiet").output
    assert "NOT USED, though such a column usually carries meaning: prompt (in 1 rows)" in told
    assert "give it a part with --columns FIELD=prompt" in told


def test_prompts_need_no_answers(mods, tmp_path):
    data = tmp_path / "asked.jsonl"
    data.write_text('{"instruction": "a"}\n{"instruction": "b", "input": "c", "reference": "d"}\n')
    told = mods("read", "--prompts", data, "--quiet").output
    assert "asked: 2 prompts, 1 references" in told
    assert "user       b\\nc" in told
    assert "reference  d" in told
    found = json.loads(mods("read", "--prompts", data, "--json", "--rows", "1").output)["asked"]
    assert (found["prompts"], found["references"], len(found["shown"])) == (2, 1, 1)


def test_json_holds_turns_with_all_their_parts(mods, tmp_path):
    data = tmp_path / "rows.jsonl"
    turns = [
        {"role": "user", "content": "2 + 2?"},
        {"role": "assistant", "content": "4", "reasoning_content": "count", "weight": 2},
    ]
    data.write_text(json.dumps({"messages": turns, "tools": [{"name": "add"}]}))
    found = json.loads(mods("read", data, "--quiet", "--json").output)
    assert found["rows"] == found["records"] == 1
    shown = found["shown"][0]
    assert shown["turns"] == [
        ["user", "2 + 2?"],
        ["assistant", "4", {"reasoning": "count", "weight": 2.0}],
    ]
    assert json.loads(shown["tools"][0]) == {"name": "add"}
    assert found["sources"][str(data)]["parts"] == {"reasoning": 1, "tools": 1, "weights": 1}

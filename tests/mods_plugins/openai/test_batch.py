"""Batches: every request once, every result at its place, and everything else told."""

import json

import pytest
from support.chat_server import says

from mods import ModsError, SettingsError, Unscorable
from mods_plugins.openai.batch import BatchClient, BatchFolder
from mods_plugins.openai.server import Server

COMMON = {"temperature": 0, "max_tokens": 9, "left_out": None}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "batch"


@pytest.fixture
def client(folder):
    return BatchClient(Server("http://example.org/v1", "tiny"), str(folder))


def questions(n):
    return [{"messages": [{"role": "user", "content": f"é{i}"}]} for i in range(n)]


def ids(n):
    return [f"row{i}" for i in range(n)]


def ask(client, n):
    return client.ask(questions(n), COMMON, ids(n))


def requests(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def answered(request, text=None, *, status=200, **message):
    """A line of a file of results, as services write it."""
    asked = request["body"]["messages"][-1]["content"]
    body = json.loads(says(f"re {asked}" if text is None else text, **message)[2])
    return {"custom_id": request["custom_id"], "response": {"status_code": status, "body": body}}


def failed(request, status, message):
    response = {"status_code": status, "body": {"error": {"message": message}}}
    return {"custom_id": request["custom_id"], "response": response, "error": None}


def take(folder, lines, name="done.jsonl"):
    file = folder.with_name(name)
    file.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines))
    return BatchFolder(folder).read([file])


def test_the_run_stops_with_its_requests_and_goes_on_with_their_results(client, folder):
    with pytest.raises(ModsError, match=r"3 requests wait .*requests-001\.jsonl.*mods batch read"):
        ask(client, 3)
    written = requests(folder / "requests-001.jsonl")
    assert [one["custom_id"].rpartition("-")[0] for one in written] == ids(3)
    assert {(one["method"], one["url"]) for one in written} == {("POST", "/v1/chat/completions")}
    body = {"model": "tiny", "temperature": 0, "max_tokens": 9, **questions(1)[0]}
    assert written[0]["body"] == body
    found = take(folder, [answered(one) for one in reversed(written)])
    assert (found.answered, found.missing) == (3, 0)
    again = BatchClient(client.server, str(folder))
    assert [reply.text for reply in ask(again, 3)] == ["re é0", "re é1", "re é2"]


def test_asking_again_writes_no_second_file_and_what_is_missing_a_smaller_one(client, folder):
    for _ in range(2):
        with pytest.raises(ModsError, match="4 requests wait"):
            ask(client, 4)
    first = requests(folder / "requests-001.jsonl")
    found = take(folder, [answered(first[0]), failed(first[1], 500, "oops"), answered(first[3])])
    assert (found.answered, found.failed, found.missing) == (2, {"HTTP 500: oops": 1}, 1)
    with pytest.raises(ModsError, match=r"2 requests wait .*requests-002\.jsonl"):
        ask(BatchClient(client.server, str(folder)), 4)
    assert requests(folder / "requests-002.jsonl") == first[1:3]
    take(folder, [answered(one) for one in first])  # late, from the first file: taken all the same
    assert len(ask(BatchClient(client.server, str(folder)), 4)) == 4


def test_other_options_ask_anew_and_take_no_result_of_the_old_ones(client, folder):
    with pytest.raises(ModsError, match="2 requests wait"):
        ask(client, 2)
    take(folder, [answered(one) for one in requests(folder / "requests-001.jsonl")])
    other = BatchClient(client.server, str(folder))
    with pytest.raises(ModsError, match=r"2 requests wait .*requests-002"):
        other.ask(questions(2), {"temperature": 1}, ids(2))


def test_everything_that_is_no_result_is_told_and_not_taken(client, folder):
    with pytest.raises(ModsError, match="6 requests wait"):
        ask(client, 6)
    asked = requests(folder / "requests-001.jsonl")
    expired = {"custom_id": asked[3]["custom_id"], "error": {"message": "batch expired"}}
    found = take(
        folder,
        [
            answered(asked[0]),
            answered(asked[0]),  # twice the same
            answered(asked[0], "something else"),  # twice, and not the same
            answered(asked[1], model="other"),
            failed(asked[2], 400, "maximum context length is 8 tokens"),
            expired,
            answered({**asked[4], "custom_id": "nobody"}),
            '{"custom_id": "cut',
            '{"response": null}',
            {"custom_id": asked[4]["custom_id"], "response": None},
            answered(asked[5], "", refusal="no"),
        ],
    )
    assert (found.answered, found.repeated, found.missing) == (1, 1, 1)
    assert found.contradicting == [asked[0]["custom_id"]]
    assert found.foreign == ["nobody"]
    assert [place.split(":")[1] for place in found.unread] == ["8", "9", "10"]
    wrong = "'other' answered where 'tiny' was asked"
    assert found.failed == {wrong: 1, "HTTP 500: batch expired": 1}
    assert len(found.refused) == 2
    with pytest.raises(ModsError, match="3 requests wait"):
        ask(BatchClient(client.server, str(folder)), 6)
    for i, text in ((0, "re é0"), (2, "maximum context length"), (5, "refused to answer")):
        (one,) = BatchClient(client.server, str(folder)).ask(
            questions(6)[i : i + 1], COMMON, ids(6)[i : i + 1]
        )
        assert text in (one.reason if isinstance(one, Unscorable) else one.text)


def test_a_refusal_of_every_request_is_no_verdict_on_the_rows(client, folder):
    with pytest.raises(ModsError, match="2 requests wait"):
        ask(client, 2)
    asked = requests(folder / "requests-001.jsonl")
    found = take(folder, [failed(one, 400, "temperature is not a field") for one in asked])
    assert not found.refused
    assert sum(found.failed.values()) == 2
    assert (folder / "results.jsonl").read_text() == ""


def test_folders_and_files_that_are_none_are_refused(tmp_path, client, folder):
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="is a file"):
        BatchClient(client.server, str(tmp_path / "file")).check()
    with pytest.raises(SettingsError, match="holds no requests"):
        BatchFolder(tmp_path / "empty").read([])
    with pytest.raises(ModsError, match="wait"):
        ask(client, 1)
    with pytest.raises(SettingsError, match="cannot be read"):
        BatchFolder(folder).read([tmp_path / "none.jsonl"])


def test_a_file_holds_no_more_than_services_take(client, folder, monkeypatch):
    monkeypatch.setattr("mods_plugins.openai.batch.MOST", 2)
    with pytest.raises(ModsError, match="2 of 3 requests wait"):
        ask(client, 3)
    assert len(requests(folder / "requests-001.jsonl")) == 2

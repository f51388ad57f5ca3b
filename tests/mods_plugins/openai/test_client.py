"""What a client makes of servers on a bad day: nothing lost, nothing invented, an end."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.chat_server import DROP, NEVER, ChatServer, body, fails, says

from mods import ModsError, Unscorable
from mods_plugins.openai.client import Client
from mods_plugins.openai.endpoints import CHAT
from mods_plugins.openai.server import Server

OK = CHAT.probe["messages"][0]["content"]


def client(stub, **options):
    return Client(Server(stub.url, "tiny", **options), CHAT)


def questions(n):
    return [{"messages": [{"role": "user", "content": str(i)}]} for i in range(n)]


def texts(replies):
    return [reply.reason if isinstance(reply, Unscorable) else reply.text for reply in replies]


BAD_DAYS = {
    "no room": lambda: fails(429, Retry_After="0.01"),
    "no room, no word how long": lambda: fails(503),
    "an error": lambda: fails(500),
    "a connection that ends": lambda: DROP,
    "a body that is cut": lambda: b'{"choices": [{"mess',
    "a body that never ends": lambda: NEVER,
    "NaN": lambda: body({"choices": [{"message": {"content": float("nan")}}]}),
    "a page": lambda: (200, {}, "<html>"),
}


@pytest.mark.parametrize("bad", BAD_DAYS.values(), ids=BAD_DAYS)
def test_what_fails_is_asked_again_and_every_answer_is_at_its_place(bad):
    def answer(asked):
        return bad() if asked.times == 1 and int(asked.text) % 3 == 1 else says(f"re {asked.text}")

    with ChatServer(answer) as stub:
        found = client(stub, timeout=0.5).ask(questions(12), {"temperature": 0})
        assert texts(found) == [f"re {i}" for i in range(12)]
        assert len(stub.seen) == 12 + 4
        assert {asked.body["temperature"] for asked in stub.seen} == {0}


def test_a_server_with_little_room_is_asked_less_at_once():
    def answer(asked):
        return fails(429) if len(stub.seen) <= 8 else says(asked.text)

    with ChatServer(answer) as stub:
        asking = client(stub)
        assert texts(asking.ask(questions(40), {})) == [str(i) for i in range(40)]
        # From 4 or less, one more a round: 40 answers come to 10; without a refusal it is 32.
        assert asking.pace.room <= 10


def test_no_more_requests_are_under_way_than_asked_for():
    def answer(asked):
        threading.Event().wait(0.02)
        return says(asked.text)

    with ChatServer(answer) as stub:
        client(stub, concurrency=3).ask(questions(12), {})
        assert 1 < stub.most <= 3


@pytest.mark.parametrize("bad", [lambda: fails(500), lambda: DROP, lambda: NEVER])
def test_a_row_that_fails_for_good_has_no_answer_while_others_have(bad):
    def answer(asked):
        return bad() if asked.text == "1" else says(asked.text)

    with ChatServer(answer) as stub:
        found = client(stub, retries=1, timeout=0.3).ask(questions(3), {})
        assert texts(found)[::2] == ["0", "2"]
        assert isinstance(found[1], Unscorable)
        assert "no answer after 2 tries" in found[1].reason
        assert stub.texts().count(OK) == 1


@pytest.mark.parametrize("bad", [lambda: fails(500), lambda: fails(503), lambda: DROP])
def test_a_server_that_answers_nobody_ends_the_run(bad):
    with (
        ChatServer(lambda asked: bad()) as stub,
        pytest.raises(ModsError, match=r"no answer after 2 tries.*the same command goes on"),
    ):
        client(stub, retries=1).ask(questions(3), {})


def test_a_server_that_is_gone_is_told_with_its_address():
    with ChatServer() as stub:
        gone = client(stub, retries=1)
    with pytest.raises(ModsError, match=f"127.0.0.1:{stub.port}/v1: .*ConnectError"):
        gone.ask(questions(2), {})
    with pytest.raises(ModsError, match="does not answer"):
        gone.check()


def test_refused_rows_are_told_apart_from_refused_options():
    def answer(asked):
        return says("OK") if asked.text == OK else fails(400, "an odd picture")

    with ChatServer(answer) as stub:
        (found,) = client(stub).ask(questions(1), {})
        assert "an odd picture" in found.reason
    with (
        ChatServer(lambda asked: fails(400, "top_p?")) as stub,
        pytest.raises(ModsError, match=r"refuses every request: .*top_p\?"),
    ):
        client(stub).ask(questions(3), {"top_p": 7})


def test_a_wrong_key_ends_the_run_at_once_and_is_never_shown(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef")
    with ChatServer(lambda asked: fails(401, "no such key: sk-0123456789abcdef")) as stub:
        with pytest.raises(ModsError, match="the key is refused") as told:
            client(stub).ask(questions(20), {})
        assert len(stub.seen) <= 8
        assert stub.seen[0].headers["Authorization"] == "Bearer sk-0123456789abcdef"
    with (
        ChatServer(lambda asked: fails(404, "who is sk-0123456789abcdef?")) as stub,
        pytest.raises(ModsError, match=r"who is \[key\]") as other,
    ):
        client(stub).ask(questions(1), {})
    assert "sk-0123456789abcdef" not in f"{told.value} {other.value}"


def test_another_model_than_the_one_asked_ends_the_run():
    with (
        ChatServer(lambda asked: says("yes", model="large")) as stub,
        pytest.raises(ModsError, match="'large' answered where 'tiny' was asked"),
    ):
        client(stub).ask(questions(1), {})


def test_a_server_that_wants_hours_ends_the_run():
    with (
        ChatServer(lambda asked: fails(429, Retry_After="7200")) as stub,
        pytest.raises(ModsError, match="come back in 7200 s"),
    ):
        client(stub).ask(questions(1), {})


def test_a_newer_name_for_the_limit_is_learned_once():
    def answer(asked):
        old = "max_tokens" in asked.body
        return fails(400, "use 'max_completion_tokens'") if old else says(asked.text)

    with ChatServer(answer) as stub:
        asking = client(stub)
        assert texts(asking.ask(questions(1), {"max_tokens": 9})) == ["0"]
        assert texts(asking.ask(questions(1), {"max_tokens": 9})) == ["0"]
        assert [a.body.get("max_completion_tokens") for a in stub.seen] == [None, 9, 9]


def test_no_redirection_is_followed():
    with ChatServer() as other:
        to = {"Location": f"{other.url}/chat/completions"}
        with (
            ChatServer(lambda asked: (307, to, "")) as stub,
            pytest.raises(ModsError, match="HTTP 307"),
        ):
            client(stub).ask(questions(1), {})
        assert other.seen == []


def test_it_works_where_a_loop_runs_already():
    async def notebook(asking):
        return asking.ask(questions(2), {})

    with ChatServer(lambda asked: says(asked.text)) as stub, ThreadPoolExecutor(1) as thread:
        # In a thread of its own: a browser of other tests may have left a loop in this one.
        answered = thread.submit(lambda: asyncio.run(notebook(client(stub)))).result()
    assert texts(answered) == ["0", "1"]


def test_a_model_that_is_not_served_is_told_before_any_work():
    with ChatServer(models=("small", "large")) as stub:
        with pytest.raises(ModsError, match=r"no model 'tiny'.*'small', 'large'"):
            client(stub).check()
        assert stub.seen == []
    for status in (404, 500):  # a server without a list
        with ChatServer(models=(), without_list=status) as stub:
            client(stub).check()


def test_whether_a_server_takes_a_field_is_found_out_with_one_question():
    def answer(asked):
        return fails(400, "what?") if "response_format" in asked.body else says("OK")

    with ChatServer(answer) as stub:
        assert not client(stub).takes({"response_format": {}})
        assert client(stub).takes({})
        assert stub.texts() == [OK, OK]

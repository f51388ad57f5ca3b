import json

import pytest

from mods import SettingsError
from mods_plugins.openai.server import Server, extra_fields

URL = "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    "url",
    ["http://me:sk-secret@host/v1", "https://host/v1?key=sk-secret", "https://host/#sk-secret"],
)
def test_no_key_stands_in_an_address(url):
    with pytest.raises(SettingsError, match="OPENAI_API_KEY") as told:
        Server(url, "tiny")
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("url", ["", "host:8000", "ftp://host/v1", "/v1"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(SettingsError, match="no address of a server"):
        Server(url, "tiny")


def test_a_key_given_as_the_name_of_a_variable_is_refused_and_not_repeated():
    with pytest.raises(SettingsError, match="not a key") as told:
        Server(URL, "tiny", key_env="sk-secret")
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    "options", [{"concurrency": 0}, {"retries": -1}, {"timeout": 0}, {"concurrency": 1.5}]
)
def test_limits_that_make_no_sense_are_refused(options):
    (name,) = options
    with pytest.raises(SettingsError, match=f"`{name}`"):
        Server(URL, "tiny", **options)


def test_the_key_comes_from_the_environment_and_is_no_part_of_what_is_shown(monkeypatch):
    server = Server(URL, "tiny")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert "Authorization" not in server.headers()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abc")
    assert server.headers()["Authorization"] == "Bearer sk-0123456789abc"
    assert "sk-0123456789abc" not in repr(server) + json.dumps(server.identity())
    assert server.hiding("your sk-0123456789abc!") == "your [key]!"
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    assert server.hiding("an EMPTY box") == "an EMPTY box"
    with pytest.raises(SettingsError, match=r"MY_KEY .* is not set"):
        Server(URL, "tiny", key_env="MY_KEY").key()


@pytest.mark.parametrize(
    ("asked", "answered", "known"),
    [
        ("tiny", "tiny", True), ("tiny", "", True), ("tiny", "tiny-2026-01-01", True),
        ("org/tiny", "tiny", True), ("tiny", "org/tiny", True), ("tiny", "large", False),
        ("tiny", "tiny:latest", True), ("tiny", "tiny-large", False), ("tiny", "tiny2", False),
        ("/a/tiny", "/a/tiny@main", True), ("tiny", "large@main", False),
    ],
)  # fmt: skip
def test_the_name_of_another_model_is_noticed(asked, answered, known):
    assert Server(URL, asked).knows(answered) is known
    assert Server(URL, asked, served_as="large").knows("large")


def test_a_list_without_the_model_names_what_is_served():
    server = Server(URL, "tini")
    with pytest.raises(SettingsError, match=r"no model 'tini' \(did you mean 'tiny'\?\).*'tiny'"):
        server.check_listed(b'{"data": [{"id": "tiny"}]}')
    for other in (b"[]", b"what?", b'{"data": [{"id": "tini"}, {"id": "tiny"}]}'):
        server.check_listed(other)


def test_further_fields_are_a_table_and_do_not_change_what_is_asked():
    assert extra_fields('{"top_p": 0.9}') == {"top_p": 0.9}
    with pytest.raises(SettingsError, match="`extra`"):
        extra_fields("top_p")
    with pytest.raises(SettingsError, match="'messages'"):
        extra_fields({"messages": []})

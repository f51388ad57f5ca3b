from mods import PluginError, SettingsError
from mods_plugins.processes import sendable


class Odd(Exception):
    """Cannot be made again from its arguments."""

    def __init__(self, one, other):
        super().__init__(f"{one} {other}")


def test_an_error_arrives_as_it_is_or_in_words():
    plain = SettingsError("`k` is wrong")
    assert sendable(plain) is plain
    told = sendable(Odd("a", "b"))
    assert isinstance(told, PluginError)
    assert "Odd" in str(told)
    assert "a b" in str(told)
    assert isinstance(sendable(SystemExit(3)), PluginError)

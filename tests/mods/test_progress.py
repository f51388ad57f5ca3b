"""Progress: for people, on standard error, and never in the way of results."""

import io
import logging
import sys
import warnings

import pytest

from mods.progress import Progress


def test_a_note_is_shown_as_worded_and_kept_as_it_is(capsys):
    progress = Progress(worded=str.upper)
    progress.note("few rows \x1b[31m")
    assert progress.notices == [r"few rows \x1b[31m"]
    assert capsys.readouterr().err == "note: FEW ROWS \\X1B[31M\n"


@pytest.mark.filterwarnings("always")
def test_what_plugins_print_warn_and_log_is_told_on_standard_error(capsys):
    progress = Progress()
    with progress.listening():
        print("printed")
        warnings.warn("careful", stacklevel=1)
        logging.getLogger("mods_plugins.x").info("loading")
        logging.getLogger("urllib3").info("connecting")
        logging.getLogger("urllib3").warning("slow")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == ["printed", "note: careful", "loading", "note: slow"]
    assert progress.notices == ["careful", "slow"]
    print("after")
    assert capsys.readouterr().out == "after\n"


def test_quiet_shows_nothing_but_keeps_the_notices(capsys):
    progress = Progress(quiet=True)
    with progress.listening(), progress.bar("rows", 3) as advance:
        advance(3)
        progress.say("tuning")
        progress.note("few rows")
        logging.getLogger("mods_plugins.x").info("loading")
    assert progress.notices == ["few rows"]
    assert capsys.readouterr().err == ""


def test_listening_leaves_loggers_as_they_were():
    before = logging.getLogger("mods").level, list(logging.getLogger().handlers), sys.stdout
    with Progress().listening():
        pass
    after = logging.getLogger("mods").level, list(logging.getLogger().handlers), sys.stdout
    assert after == before


def test_a_closed_standard_error_stops_nothing_and_nothing_goes_to_standard_output(
    monkeypatch, capsys
):
    for closed in (None, io.StringIO()):
        if closed is not None:
            closed.close()
        monkeypatch.setattr(sys, "stderr", closed)
        progress = Progress()
        with progress.listening(), progress.bar("work", 2) as advance:
            progress.note("kept all the same")
            advance(2)
        assert progress.notices == ["kept all the same"]
    monkeypatch.undo()
    assert capsys.readouterr().out == ""

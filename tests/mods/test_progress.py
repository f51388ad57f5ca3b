"""Progress: for people, on standard error, and never in the way of results."""

import io
import logging
import sys
import warnings

import pytest

from mods.progress import Progress, alone, bar


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


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Notebook(io.StringIO):
    """Like the standard error of a notebook, which is no terminal but moves all the same."""

    __module__ = "ipykernel.iostream"


def test_a_stream_of_another_program_in_its_place_does(monkeypatch):
    class Stream:  # as Data-Juicer has one: it does not know `closed`
        def __init__(self):
            self.text = ""

        def write(self, text):
            self.text += text

        def flush(self):
            pass

        def isatty(self):
            return False

    monkeypatch.setattr(sys, "stderr", Stream())
    with Progress().bar("work", 3) as advance:
        advance(3)
    assert sys.stderr.text.startswith("work: 3 rows")


def test_a_log_gets_whole_lines(monkeypatch, capsys):
    moments = iter([0.0, 20.0, 40.0, 60.0])
    monkeypatch.setattr("mods.progress.IN_LOGS", 0)
    with Progress().bar("quality", 1200) as advance:
        shown = advance.__self__
        shown.start_t = shown.last_print_t = next(moments)
        shown._time = lambda: next(moments, 60.0)
        advance(300)
        advance(900)
    lines = capsys.readouterr().err.splitlines()
    assert "\r" not in "".join(lines)
    assert lines[0].startswith("quality: 300 of 1,200 rows (25%), ")
    assert lines[0].endswith(" left")
    assert lines[1] == "quality: 1,200 rows in 01:00, 20 rows/s"
    assert len(lines) == 2


@pytest.mark.parametrize("screen", [Terminal, Notebook])
def test_a_screen_gets_a_bar_and_notes_stand_above_it(screen, monkeypatch):
    monkeypatch.setattr(sys, "stderr", screen())
    progress = Progress()
    with progress.bar("quality", 3) as advance:
        progress.note("few rows")
        advance(3)
    shown = sys.stderr.getvalue()
    assert shown.startswith("\rquality:   0%")
    assert "\rnote: few rows\n" in shown  # not at the end of a bar


def test_what_is_cut_short_says_how_far_it_came(capsys):
    def work():
        with Progress().bar("quality", 9) as advance:
            advance(4)
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert capsys.readouterr().err.startswith("quality: 4 of 9 rows (44%) in 00:00")


def test_no_bar_of_another_library_is_shown_and_mods_own_are(capfd):
    from tqdm import tqdm
    from tqdm.auto import tqdm as other

    with Progress().listening(), alone(), bar("ours", 2) as ours:
        assert list(other(range(2), desc="theirs", disable=False)) == [0, 1]
        assert list(tqdm(range(2), desc="theirs")) == [0, 1]
        ours.update(2)
    shown = capfd.readouterr().err
    assert "ours: 2 rows" in shown
    assert "theirs" not in shown
    assert list(other(range(2), desc="theirs")) == [0, 1]
    assert "theirs" in capfd.readouterr().err

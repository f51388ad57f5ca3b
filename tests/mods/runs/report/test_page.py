"""The page of a run, in a real browser: what it shows is what Python finds; data stays data."""

import json
import random
import re
import shlex
import shutil

import pytest
from conftest import TOY

from mods.errors import RunFolderError
from mods.plugins.loading import load_plugins
from mods.plugins.origin import Sources
from mods.runs.repick import picker_of
from mods.runs.report import page as paging
from mods.runs.report.page import report_on
from mods.runs.saved import SavedRun
from mods.runs.whatif import Asked, Facts, what_if
from mods.settings.threshold import Threshold

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)> &lt; &amp; <!-- ]]> <svg onload=alert(3)>",
    "right \u202eot tfel\u202c, isolate \u2066x\u2069, zero \u200bwidth, mark \ufeff",
    "\u001b[31mred\u001b[0m \u009b2J bell \u0007 nul \u0000 back \b",
    "'\"`${alert(4)}{{ 7*7 }}{% raw %}\\u003c",
    "emoji \U0001f468\u200d\U0001f469\u200d\U0001f467 line\u2028two\u2029three \ud800 alone",
    "long " * 2_000_000,
]


@pytest.fixture
def run(select, rows, tmp_path):
    """The folder of a whole run, with a broken row."""
    select([*rows, "no row"], output=tmp_path / "run")
    return tmp_path / "run"


def test_the_page_stands_in_the_folder_and_a_moved_folder_draws_the_same(run, tmp_path):
    before = (run / "report.html").read_bytes()
    moved = tmp_path / "elsewhere"
    shutil.move(run, moved)
    (moved / "report.html").unlink()
    assert report_on(moved, None) == moved / "report.html"
    assert (moved / "report.html").read_bytes() == before


def test_the_page_allows_itself_and_nothing_else(run):
    text = (run / "report.html").read_bytes().decode("utf-16")
    (rules,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert re.fullmatch(
        r"default-src 'none'; script-src 'sha256-\S{44}'; style-src 'sha256-\S{44}'; "
        "base-uri 'none'; form-action 'none'",
        rules,
    )
    assert not re.findall(r"""(?:src|href)=["'](?!#)""", text)


def until(page, selector, pattern):
    """Wait for a text; the page's own rules keep the browser driver from evaluating code."""
    page.locator(selector).filter(has_text=re.compile(pattern)).first.wait_for()


def test_the_overview_says_what_came_out_and_every_row_can_be_read(run, opened, rows):
    page = opened(run / "report.html")
    assert page.inner_text(".tiles").split() == [
        "42", "rows", "in", "=", "14", "selected", "+", "27", "rejected", "+", "1", "set", "aside",
    ]  # fmt: skip
    assert "42 rows came, 40 went on" in page.inner_text(".funnel")
    page.keyboard.press("/")
    page.keyboard.type("describe the GUITAR")
    until(page, "#found", r"^1 of 42 rows$")
    page.focus(".grid[role=grid]")
    page.keyboard.press("Enter")
    told = page.inner_text("dialog")
    assert "describe the guitar" in told
    receipt = next(
        r for r in SavedRun.load(run).receipts.to_pylist()
        if r["row"] == 1 + [row["instruction"] for row in rows].index("describe the guitar")
    )  # fmt: skip
    assert receipt["id"] in told
    assert receipt["reason"] in told
    page.keyboard.press("Escape")
    page.evaluate("location.hash = '#row-41'")
    until(page, "dialog", "no row")
    assert "expected an object" in page.inner_text("dialog")


def choose(page, label, value):
    page.locator(".filters label", has_text=label).locator("select").select_option(value)


def test_filters_and_orders_are_those_of_the_receipts(run, opened):
    page = opened(run / "report.html")
    receipts = SavedRun.load(run).receipts.to_pylist()
    for name in ("fate", "stage"):
        for value in {r[name] for r in receipts}:
            choose(page, name, value)
            wanted = sum(r[name] == value for r in receipts)
            assert page.inner_text("#found") == f"{wanted} of 42 rows", (name, value)
        choose(page, name, "")
    score = "quality_toy_length"
    choose(page, "score", score)
    page.fill("[aria-label='Score from']", "30")
    page.fill("[aria-label='Score to']", "50")
    page.keyboard.press("Tab")
    wanted = [r for r in receipts if r[score] is not None and 30 <= r[score] <= 50]
    assert page.inner_text("#found") == f"{len(wanted)} of 42 rows"
    page.click(f".line.head button[title={score}]")
    wanted.sort(key=lambda r: (-r[score], r["row"]))
    shown = page.locator(".body .line").evaluate_all("all => all.map((l) => Number(l.dataset.row))")
    assert shown == [r["row"] - 1 for r in wanted][: len(shown)]
    page.click(".filters button")
    assert page.inner_text("#found") == "all 42 rows"


def set_wish(page, **wish):
    for name, value in wish.items():
        page.fill(f"#wish-{name}", str(value))
        page.press(f"#wish-{name}", "Tab")


def figures(page):
    return {
        element.get_attribute("data-figure"): int(element.inner_text().replace(",", ""))
        for element in page.query_selector_all("[data-figure]")
    }


@pytest.fixture
def registry():
    """The toy plug-ins with all default ones."""
    return load_plugins(Sources(files=(TOY,)))


@pytest.mark.parametrize("selector", ["toy-spread", "kcenter"])
def test_moved_settings_give_the_numbers_of_python(selector, select, tmp_path, registry, opened):
    run = tmp_path / "run"
    select(output=run, selector=selector)
    page = opened(run / "report.html")
    saved = SavedRun.load(run)
    facts = Facts.of(saved)
    pick = picker_of(saved, run, registry)[0] if selector == "kcenter" else None
    draw = random.Random(0)
    seen = set()
    for _ in range(60):
        seeds = draw.choice([8, 8, draw.randint(1, 20)])
        wish = {
            "alpha": draw.choice(
                ["top 30", "top 30", "top 55%", "40", f"top {draw.randint(5, 40)}"]
            ),
            "beta": draw.choice(["bottom 50%", "0.5", f"bottom {draw.randint(1, 30)}"]),
            "seeds": seeds,
            "budget": seeds + draw.choice([0, 6, draw.randint(0, 20)]),
        }
        set_wish(page, **{**wish, "budget": 40})
        set_wish(page, seeds=wish["seeds"], budget=wish["budget"])
        alpha = Threshold.parse(wish["alpha"], setting="alpha", side="top")
        beta = Threshold.parse(wish["beta"], setting="beta", side="bottom")
        found = what_if(facts, Asked(alpha, beta, wish["seeds"], wish["budget"]), pick)
        told = page.inner_text("#what-if [aria-live]")
        if found.problem:
            assert found.problem in told
            continue
        shown = figures(page)
        assert shown["rows that pass alpha"] == found.pool, wish
        assert shown["seeds"] == len(found.seeds), wish
        assert (shown["rows reviewed"], shown["necessary"]) == (found.reviewed, found.necessary)
        assert shown["selected"] == len(found.selected), wish
        assert ("An estimate" in told) == (not found.exact), wish
        assert all(doubt in told for doubt in found.doubts), wish
        own = {*facts.seeds.tolist(), *facts.picked.tolist()}
        comes, goes = set(found.selected.tolist()) - own, own - set(found.selected.tolist())
        assert f"{len(comes)} rows would come in, {len(goes)} would go." in told, wish
        choose(page, "what if", "in")
        rows = page.locator(".body .line").evaluate_all("all => all.map((l) => +l.dataset.row)")
        assert rows == sorted(comes), wish
        choose(page, "what if", "")
        seen.add((found.exact, *found.doubts))
    assert len(seen) > 3


def test_the_command_of_the_page_makes_the_run_again(data, mods, toy_run, tmp_path, opened):
    mods(*toy_run(data, tmp_path / "run", "--set", "tuning.epochs=7", "--seed", "3"))
    page = opened(tmp_path / "run" / "report.html")
    set_wish(page, budget=12)
    again, command = page.locator(".copy code").all_inner_texts()
    plugin = toy_run(data, "x")[:2]
    told = json.loads(mods(*plugin, *shlex.split(again)[1:], "--json").output)
    assert told["rows"]["selected"] == 12 == figures(page)["selected"]
    mods(*plugin, *shlex.split(command)[1:], "-q")
    settings = [
        json.loads((tmp_path / name / "manifest.json").read_text())["makes"]["settings"]
        for name in ("run", "NEW")
    ]
    assert {**settings[0], "budget": 12} == settings[1]


def test_hostile_rows_stay_text(mods, toy_run, rows, tmp_path, opened):
    hostile = [
        {"instruction": f"{text} {i}", "input": "", "output": text}
        for i, text in enumerate(HOSTILE)
    ]
    thought = [
        {"role": "user", "content": HOSTILE[0]},
        {"role": "assistant", "content": HOSTILE[1], "reasoning_content": HOSTILE[2],
         "tool_calls": [{"function": {"name": "<b>f</b>", "arguments": json.dumps(HOSTILE[4])}}]},
        {"role": "tool", "content": HOSTILE[3], "name": HOSTILE[0]},
        {"role": "assistant", "content": "so"},
    ]  # fmt: skip
    source = tmp_path / "<b>&\u202e.jsonl"
    lines = [*hostile, {"messages": thought}, *rows]
    source.write_text("".join(json.dumps(row) + "\n" for row in lines) + "</script>{broken\n")
    mods(*toy_run(source, tmp_path / "run", "--alpha", "top 40"))
    page = opened(tmp_path / "run" / "report.html")
    raw = (tmp_path / "run" / "report.html").read_bytes().decode("utf-16")
    assert raw.count("</script>") == raw.count("<script")
    for row in range(len(hostile) + 1):
        page.evaluate(f"location.hash = '#row-{row}'")
        until(page, "dialog h2", f":{row + 1}$")
        page.wait_for_selector("dialog .turn")
        told = page.locator("dialog").evaluate("dialog => dialog.textContent")
        assert not re.search(
            "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]", told
        )
        assert page.locator("dialog :is(script, img, iframe, b b)").count() == 0
    assert "right ⟨202E⟩" in told
    assert page.locator("dialog details").count() == 1
    page.evaluate("location.hash = '#row-6'")
    page.click("dialog >> text=20,000 of 10,000,000 characters")
    lengths = page.locator("dialog pre").evaluate_all("all => all.map((p) => p.textContent.length)")
    assert lengths == [20_000, 20_000, 100_000]
    page.keyboard.press("Escape")
    page.fill("#search", "</script><script>")
    until(page, "#found", "^2 of")


def test_a_phone_scrolls_one_way_and_both_themes_can_be_read(run, opened):
    page = opened(run / "report.html", viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    papers = set()
    for _ in range(2):
        papers.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.click("#theme")
    assert len(papers) == 2


def test_texts_too_large_for_the_page_lie_beside_it(run, opened, monkeypatch):
    monkeypatch.setattr(paging, "MOST_INSIDE", 100)
    report_on(run, None)
    assert (run / "report-texts.js").exists()
    page = opened(run / "report.html")
    assert "report-texts.js" in page.inner_text("footer")
    page.fill("#search", "describe the guitar")
    until(page, "#found", r"^1 of 42 rows$")
    monkeypatch.undo()
    report_on(run, None)
    assert not (run / "report-texts.js").exists()


def test_a_run_without_texts_vectors_or_necessity_is_drawn(select, tmp_path, opened):
    select(output=tmp_path / "run", budget=8)
    for name in ("conversations.parquet", "vectors.npy"):
        (tmp_path / "run" / name).unlink()
    report_on(tmp_path / "run", None)
    page = opened(tmp_path / "run" / "report.html")
    assert "no texts" in page.inner_text("footer")
    set_wish(page, budget=10)
    assert "the run tuned no model" in page.inner_text("#what-if")


def test_what_is_no_run_is_refused(run):
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["makes"]["settings"]["quality"] = "nothing"
    (run / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(RunFolderError, match="no run that can be told"):
        report_on(run, None)

"""How fast the page of a run is in a real browser, and how large: prints JSON.

Usage: python -m benchmarks.report_page RUN [WORD ...]     (needs playwright and Chromium)
"""

import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from mods.kcenter.bench import machine_line

FILTER = """async (value) => {
  const label = [...document.querySelectorAll(".filters label")].find((l) => l.textContent.startsWith("fate"));
  const select = label.querySelector("select"), start = performance.now();
  select.value = value;
  select.dispatchEvent(new Event("change"));
  document.body.offsetHeight;
  return performance.now() - start;
}"""  # noqa: E501
MOVE = """([id, value]) => {
  const field = document.querySelector(id), start = performance.now();
  field.value = value;
  field.dispatchEvent(new Event("change"));
  document.body.offsetHeight;
  return performance.now() - start;
}"""
WATCH = """() => {
  const told = document.querySelector("#found");
  const note = () => (window.changed = performance.now());
  new MutationObserver(note).observe(told, { childList: true, characterData: true, subtree: true });
}"""
TYPING = 120
"""Milliseconds that the page waits for more letters before it searches."""


def measure(path: Path, words: list[str]) -> dict[str, object]:
    """Open a page, filter, search and move settings; times in milliseconds."""
    text = path.read_bytes().decode("utf-16")
    meta = json.loads(re.search(r'<script id="meta"[^>]*>(.*?)</script>', text, re.S)[1])
    found = {
        "machine": machine_line(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "rows": meta["count"],
        "page_bytes": path.stat().st_size,
        "packed_text_bytes": meta["texts"]["bytes"],
        "ratio": round(path.stat().st_size / meta["texts"]["bytes"], 3),
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1360, "height": 900})
        start = time.perf_counter()
        page.goto(path.as_uri(), wait_until="commit")
        page.wait_for_selector(".tiles")
        found["overview"] = since(start)
        page.wait_for_selector("html[data-ready]")
        found["whole page"] = since(start)
        paint = "performance.getEntriesByType('paint').map((e) => e.startTime)[0]"
        found["first paint"] = round(page.evaluate(paint))
        found["filter"] = round(page.evaluate(FILTER, "rejected"), 1)
        page.evaluate(FILTER, "")
        moves = [("#wish-beta", "bottom 30%"), ("#wish-alpha", "top 40%")]
        found["moved"] = [round(page.evaluate(MOVE, list(move)), 1) for move in moves]
        page.evaluate(WATCH)
        searches = found["search"] = {}
        for word in words:
            page.fill("#search", "")
            page.wait_for_timeout(3000)
            begun = page.evaluate("performance.now()")
            page.fill("#search", word)
            page.wait_for_timeout(5000)
            searches[word] = round(page.evaluate("window.changed") - begun - TYPING, 1)
        browser.close()
    return found


def since(start: float) -> int:
    """Return milliseconds since a moment."""
    return round(1000 * (time.perf_counter() - start))


if __name__ == "__main__":
    run, *given = sys.argv[1:]
    print(json.dumps(measure((Path(run) / "report.html").resolve(), given or ["a", "the"])))

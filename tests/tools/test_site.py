"""The docs site: links to sources lead to pages of it, and nothing is loaded from elsewhere."""

import importlib.util
import logging
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site():
    spec = importlib.util.spec_from_file_location("site_hooks", ROOT / "tools/site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_links_lead_to_pages_of_the_site(site):
    page = "[a](data.md#prompts) [b](../mods/pool.py) [c](https://a.b/c) [d](core.svg) [e](#f)"
    page += " ![g](../benchmarks/verdict/verdict.png)"
    assert site.relinked(page, "index.md") == (
        "[a](data.md#prompts) [b](source/mods/pool.py.md) [c](https://a.b/c) [d](core.svg) [e](#f)"
        " ![g](source/benchmarks/verdict/verdict.png)"
    )
    own = "[a](docs/data.md) [b](benchmarks/NOTES.md)"
    assert site.relinked(own, "source/README.md") == "[a](../data.md) [b](benchmarks/NOTES.md)"


def test_a_page_that_loads_something_from_elsewhere_is_warned_of(site, caplog):
    page = SimpleNamespace(file=SimpleNamespace(src_uri="a.md"))
    html = (
        '<a href="https://ok.org">x</a><script src="https://a.org/x.js"></script>'
        '<link href="//b.org/x.css"><img src="local.png"><style>p{background:url(https://c.org)}</style>'
    )
    with caplog.at_level(logging.WARNING):
        site.on_post_page(html, page)
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        f"a.md loads {a}" for a in ("https://a.org/x.js", "//b.org/x.css", "https://c.org")
    ]


def test_the_site_asks_for_nothing_from_elsewhere_in_a_browser(tmp_path, monkeypatch):
    mkdocs = pytest.importorskip("mkdocs.commands.build")
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium here")
    from mkdocs.config import load_config

    monkeypatch.chdir(ROOT)
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path / "site"))
    mkdocs.build(config)  # with `strict`, so no link leads nowhere
    asked = []
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "site/index.html").as_uri())
        page.locator("article").get_by_role("link", name="how mods is built").click()
        page.locator("article a", has_text="mods/interfaces/__init__.py").click()
        page.wait_for_selector("h1:has-text('mods/interfaces/__init__.py')")
        page.goto((tmp_path / "site/verdict-real.html").as_uri())
        width = page.locator("article img").evaluate("picture => picture.naturalWidth")
        browser.close()
    assert width > 100  # a picture that lies outside docs/
    assert asked
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []

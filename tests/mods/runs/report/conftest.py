"""A real browser for the page of a run."""

import os
import shutil

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def chromium():
    """Headless Chromium; with MODS_REQUIRE_BROWSER=1 a missing one is a failure, not a skip."""
    why = ""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        why = "playwright is not installed"
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not why and path is None:
        why = f"none of {', '.join(BROWSERS)} is installed"
    if why:
        if os.environ.get("MODS_REQUIRE_BROWSER") == "1":
            pytest.fail(f"MODS_REQUIRE_BROWSER=1, but {why}")
        pytest.skip(why)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """Open a page from disk; whatever it complains of, or asks a network for, fails the test."""
    contexts, complaints = [], []

    def open_page(path, **options):
        context = chromium.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append("a dialog"), dialog.dismiss()))
        page.on("request", lambda request: request.url.startswith("file:")
                or complaints.append(request.url))  # fmt: skip
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []

"""A real browser: Debian's chromium, driven by Playwright."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture(scope="session")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))), None)
    if program is None:
        pytest.skip("no chromium here (apt-get install chromium)")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def new_tab(browser):
    """Open tabs; at the end none has logged an error, and no request has left the machine."""
    said, asked, contexts = [], [], []

    def call(context=None, **options):
        if context is None:
            contexts.append(context := browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **options}))
        tab = context.new_page()
        tab.on("console", lambda message: message.type == "error" and said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        return tab

    call.said = said
    yield call
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:", "file:///"))] == []


@pytest.fixture
def violations():
    """Return what axe finds that is serious or critical."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

    def call(tab):
        found = axe.Axe().run(tab).response["violations"]
        return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found if each["impact"] in ("serious", "critical")]  # fmt: skip

    return call

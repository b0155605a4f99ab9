"""The page in a real browser: mouse, keyboard, tabs, reload, a killed server, a telephone, no JavaScript."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.browser


def boxes(tab):
    return tab.locator("#grid input")


def until(tab, condition):
    """Wait until something is true on a tab; its policy forbids Playwright's own way, which evaluates text there."""
    for _ in range(300):
        if tab.evaluate(condition):
            return
        tab.wait_for_timeout(50)
    raise AssertionError(f"never: {condition}; {tab.locator('.bar').inner_text()}")


def saved(tab, count):
    """Wait until the server has acknowledged what was clicked."""
    until(
        tab,
        f"document.getElementById('selected').textContent === '{count}'"
        " && /Saved|Taken back|^$/.test(document.getElementById('saved').textContent)",
    )


@pytest.fixture
def tab(site, new_tab):
    found = new_tab()
    found.goto(f"{site.address}/images/0/0?size=50")
    return found


def test_mouse_alone(site, tab):
    pictures = tab.locator("#grid img")
    pictures.nth(3).click()
    boxes(tab).nth(5).click()
    pictures.nth(6).click()
    pictures.nth(6).click()
    saved(tab, 2)
    assert site.clicked() == {3, 5}
    pictures.nth(10).click()
    pictures.nth(20).click(modifiers=["Shift"])
    saved(tab, 13)
    assert site.clicked() == {3, 5, *range(10, 21)}
    tab.get_by_role("button", name="Undo").click()
    saved(tab, 3)
    assert site.clicked() == {3, 5, 10} and not boxes(tab).nth(15).is_checked()
    tab.get_by_role("button", name="Next page").click()
    tab.wait_for_url("**first=50**")
    assert site.desk.book.looked("original", "thickness") == set(range(50)) and site.clicked() == {3, 5, 10}


def test_keyboard_alone(site, tab):
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    while tab.evaluate("document.activeElement.name") != "tile":
        tab.keyboard.press("Tab")
    for key in ("Space", "ArrowRight", "ArrowRight", "Space", "End", "Space", "Home", "ArrowDown", "Space"):
        tab.keyboard.press(key)
    saved(tab, 4)
    columns = tab.evaluate("columns()")
    assert site.clicked() == {0, 2, 49, columns} and 1 < columns < 49
    tab.keyboard.press("z")
    saved(tab, 3)
    assert site.clicked() == {0, 2, 49}
    while tab.evaluate("document.activeElement.value") != "next":
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**first=50**")


def test_clicks_that_come_before_the_server_answers_are_steps_of_their_own(site, tab):
    tab.evaluate("[...document.querySelectorAll('#grid input')].slice(0, 3).forEach((box) => box.click())")
    saved(tab, 3)
    tab.get_by_role("button", name="Undo").click()
    saved(tab, 2)
    assert site.clicked() == {0, 1}


def test_an_old_answer_does_not_take_back_a_click(site, new_tab):
    tab, held = new_tab(), []
    tab.route("**/state/**", lambda route: held.append((route, route.fetch())))
    tab.goto(f"{site.address}/images/0/0?size=50")
    for _ in range(100):
        if held:
            break
        tab.wait_for_timeout(50)
    boxes(tab).nth(3).click()
    saved(tab, 1)
    route, answer = held.pop()
    route.fulfill(response=answer)
    tab.wait_for_timeout(300)
    assert boxes(tab).nth(3).is_checked()
    tab.get_by_role("button", name="Next page").click()
    tab.wait_for_url("**first=50**")
    assert site.clicked() == {3}


def test_reload(site, tab):
    boxes(tab).nth(7).check()
    saved(tab, 1)
    tab.reload()
    assert boxes(tab).nth(7).is_checked() and tab.locator("#selected").text_content() == "1"


def test_two_tabs(site, tab, new_tab):
    other = new_tab(tab.context)
    other.goto(f"{site.address}/images/0/0?size=50")
    boxes(tab).nth(1).check()
    saved(tab, 1)
    boxes(other).nth(2).check()
    saved(other, 2)
    assert site.clicked() == {1, 2}
    other.get_by_role("button", name="Next page").click()  # its form was rendered before the first tab's click
    other.wait_for_url("**first=50**")
    assert site.clicked() == {1, 2}
    tab.bring_to_front()
    tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    until(tab, "document.querySelectorAll('#grid input')[2].checked")


def test_a_second_attribute_on_the_same_images(site, tab):
    tab.get_by_role("link", name="slant").click()
    tab.wait_for_url("**/images/0/1**")
    boxes(tab).nth(4).check()
    saved(tab, 1)
    assert site.clicked("slant") == {4} and site.clicked() == set()


def test_zoom_needs_no_reload(site, tab):
    before = tab.locator("#grid img").first.bounding_box()["width"]
    tab.get_by_label("Size").select_option("huge")
    assert tab.locator("#grid img").first.bounding_box()["width"] > 1.5 * before


def test_the_preview_comes_with_the_twentieth_click(site, tab):
    for n in range(19):
        site.click([n, True])
    tab.reload()
    assert tab.locator("#preview img").count() == 0
    boxes(tab).nth(45).check()
    tab.wait_for_selector("#preview img")
    assert tab.locator("#preview").inner_text().startswith("Preview: before → after")
    widths = tab.evaluate("[...document.querySelectorAll('#preview img')].map((image) => image.complete)")
    assert len(widths) >= 6


def test_without_javascript(site, new_tab):
    tab = new_tab(java_script_enabled=False)
    tab.goto(f"{site.address}/images/0/0?size=50")
    boxes(tab).nth(3).check()
    boxes(tab).nth(4).check()
    tab.get_by_role("button", name="Save").click()
    assert site.clicked() == {3, 4} and boxes(tab).nth(3).is_checked()
    tab.get_by_role("button", name="Undo").click()
    assert site.clicked() == set()
    boxes(tab).nth(5).check()
    for _ in range(3):
        tab.get_by_role("button", name=re.compile("Next page|Finish")).click()
    assert tab.url.endswith("/finish") and "1 of 120 samples show thickness" in tab.locator("h1").inner_text()
    tab.get_by_role("button", name="Return these labels to the notebook").click()
    assert site.desk.finished.is_set() and site.desk.file.exists()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/images/0/0?size=50", "/preview", "/finish", "/images/0/1", "/nothing"])
def test_a_telephone_and_who_cannot_see(site, new_tab, violations, path, scheme):
    for n in range(25):
        site.click([n, True])
    tab = new_tab(viewport={"width": 360, "height": 740}, color_scheme=scheme, has_touch=True)
    tab.goto(site.address + path)
    new_tab.said.clear() if path == "/nothing" else None  # the browser itself reports the 404
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360, "nothing is cut off"
    assert violations(tab) == []
    small = tab.evaluate(
        "[...document.querySelectorAll('button, .button, select')].filter((e) => e.offsetParent && e.offsetHeight < 24).length"
    )
    assert small == 0, "a finger can hit them"


def test_a_finger_selects(site, new_tab):
    tab = new_tab(viewport={"width": 360, "height": 740}, has_touch=True)
    tab.goto(f"{site.address}/images/0/0?size=50")
    tab.locator("#grid img").nth(2).tap()
    saved(tab, 1)
    assert site.clicked() == {2}


def test_a_click_that_is_refused_is_told_and_taken_back(site, tab, new_tab):
    tab.evaluate("form.elements.token.value = 'forged'")
    boxes(tab).nth(1).check()
    until(tab, "document.getElementById('saved').textContent.startsWith('The form is not one of this page')")
    until(tab, "!document.querySelectorAll('#grid input')[1].checked")
    assert site.clicked() == set()
    new_tab.said[:] = [text for text in new_tab.said if "403" not in text]  # the browser itself reports it


@pytest.fixture
def command(bars, tmp_path):
    """Start `bench serve` as a process of its own."""
    started = []

    def call(port=0):
        code = "from bench.cli import main; main()"
        words = [
            "serve", "bars", "--weights", bars.weights, "--feature", "width", "--plugins", bars.folder.path, "--port", port,
            "--out", tmp_path / "clicks", "--results", tmp_path / "runs", "--count", 60, "--device", "cpu",
        ]  # fmt: skip
        process = subprocess.Popen([sys.executable, "-c", code, *map(str, words)], stdout=subprocess.PIPE, text=True)
        started.append(process)
        line = process.stdout.readline()
        return process, int(re.match(r"http://127.0.0.1:(\d+)/", line)[1])

    yield call
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_killed_server_loses_nothing(command, new_tab):
    """Clicks before the kill are there, and those made while nobody answered are sent once the server is back."""
    process, port = command()
    tab = new_tab()
    tab.goto(f"http://127.0.0.1:{port}/images/0/0?size=50")
    boxes(tab).nth(1).check()
    saved(tab, 1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    boxes(tab).nth(2).check()
    until(tab, "document.getElementById('saved').textContent.startsWith('The server does not answer: 1 not')")
    command(port)
    saved(tab, 2)
    tab.reload()
    assert [n for n in range(50) if boxes(tab).nth(n).is_checked()] == [1, 2]
    new_tab.said[:] = [
        text for text in new_tab.said if "ERR_CONNECTION_REFUSED" not in text and "ERR_EMPTY" not in text
    ]

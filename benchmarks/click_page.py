"""How long the page of `bench serve` takes: until 5,000 images can be selected, and until a click is on the disk.

Run: ``python benchmarks/click_page.py`` (half a minute; wants the extra serve, Playwright and Debian's chromium). The
bars are 2.5 s and 0.4 s on two cores.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import threading
from pathlib import Path

import click
import torch
from playwright.sync_api import Page, sync_playwright

from bench.feedback.page import serving, session
from bench.registry import Registry

COUNT, CLICKS, OPENED = 5000, 30, 5


@click.command()
@click.option("--model", default="vae", show_default=True, help="A shipped generator.")
@click.option("--weights", default="vae-mnist", show_default=True, help="Its weights.")
def main(model: str, weights: str) -> None:
    """Print both times, with their spread."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        asked = session.ClickRequest(weights, model, "feature", (), COUNT, "feedback/0", Path(folder))
        desk = session.opened(asked, Registry(), torch.device("cpu"))
        with (
            serving.listening("127.0.0.1", 0) as listening,
            serving._server(desk, serving.rules_for("127.0.0.1")) as server,
        ):
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            try:
                measure(f"{serving.address_of(listening)}images/0/0?size={COUNT}")
            finally:
                server.should_exit = True
                thread.join()


def measure(address: str) -> None:
    """Open the page several times, then click."""
    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        opened = []
        for _ in range(OPENED):
            tab = browser.new_context(viewport={"width": 1200, "height": 800}).new_page()
            tab.goto(address, wait_until="domcontentloaded")
            assert tab.locator("#grid input").count() == COUNT
            opened.append(tab.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd") / 1000)
        tell("selectable after", opened)
        tell("a click acknowledged after", [acknowledged(tab, n) for n in range(CLICKS)])
        browser.close()


def acknowledged(tab: Page, number: int) -> float:
    """Click an image, and return the seconds until the page says that it is saved."""
    milliseconds: float = tab.evaluate(
        """(number) => new Promise((done) => {
            const began = performance.now(), saved = document.getElementById("saved");
            new MutationObserver((_, observer) => {
                if (saved.textContent === "Saved") { observer.disconnect(); done(performance.now() - began); }
            }).observe(saved, { childList: true });
            boxes[number].click();
        })""",
        number,
    )
    return milliseconds / 1000


def tell(what: str, seconds: list[float]) -> None:
    """Print the median and the range."""
    spread = f"{min(seconds):.3f} to {max(seconds):.3f}"
    click.echo(f"{what} {statistics.median(seconds):.3f} s (median of {len(seconds)}; {spread})")


if __name__ == "__main__":
    main()

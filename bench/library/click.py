"""A person's clicks in a notebook: the page of `bench serve`, in a frame, until the labels are returned."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.api import Generator
from bench.core.limits import PAGE
from bench.core.modes import ordinary
from bench.errors import UsageError
from bench.library.arguments import whole
from bench.library.known import KnownGenerator, known
from bench.library.sound import require_shown

HEIGHT = 800  # pixels of the frame
FRAMES = "http://127.0.0.1:* http://localhost:*"  # notebooks on this machine may hold the page


@ordinary()
def click(
    generator: KnownGenerator | Generator,
    count: int = 200,
    *,
    feature: str = "feature",
    stream: str = "feedback/0",
    folder: str | Path | None = None,
    port: int = 0,
) -> NDArray[np.bool_]:
    """Show samples on a page, and return which of them a person selected.

    In a notebook the page stands below the cell; elsewhere its address is printed. The call returns when the person
    has returned the labels. The browser and Python must run on one machine.

    Parameters
    ----------
    generator : what ``bench.load`` or ``bench.unlearn`` returned, or any bench.api.Generator
        In eval mode.
    count : int
        Samples, 2 to 20,000.
    feature : str
        What the page asks for.
    stream : str
        Random stream of the samples, as in ``bench.sample``.
    folder : path-like, optional
        Where the clicks are kept, so that the same call resumes; by default they are forgotten.
    port : int
        By default any free one.

    Returns
    -------
    labels : (count,) bool
        For ``bench.make_feedback(labels, stream=stream)``.

    Raises
    ------
    bench.errors.UsageError
        Naming the argument that is wrong; if the extra ``serve`` is not installed.
    """
    from bench.feedback.page import serving

    serving.require_installed()
    shown, count = known(generator, "click(generator)"), whole(count, 2, "click(count)", PAGE)
    port = whole(port, 0, "click(port)", 65535)
    require_shown(shown, "click(generator)")
    with ExitStack() as opened:
        place = Path(opened.enter_context(tempfile.TemporaryDirectory()) if folder is None else folder)
        return _clicked(shown, count, feature, stream, place, port)


def _clicked(
    shown: KnownGenerator, count: int, feature: str, stream: str, folder: Path, port: int
) -> NDArray[np.bool_]:
    """Serve the page until the labels are returned."""
    from bench.feedback.page import serving, session
    from bench.feedback.page.book import Book
    from bench.feedback.page.desk import ORIGINAL, Desk
    from bench.feedback.page.layout import Round
    from bench.feedback.page.outcome import feedback_of, labels_of
    from bench.feedback.page.samples import Samples

    session.require_names(feature, ())
    with serving.listening("127.0.0.1", port) as listening, serving.held(folder):
        round_ = Round(ORIGINAL, Samples(shown.generator, stream, count), (feature,))
        desk = Desk(Book(folder / session.FILE), round_, folder, shown.model, min(shown.names()))
        _show(serving.address_of(listening))
        rules = serving.rules_for("127.0.0.1", FRAMES)
        labels = serving.serve_until_finished(desk, listening, rules, lambda: labels_of(desk.book, round_))
    if labels is None:
        raise UsageError("click: was stopped before the labels were returned. Give folder= to keep the clicks")
    return feedback_of(labels, round_, "without").labels


def _show(address: str) -> None:
    """Show the page in a notebook; elsewhere print its address."""
    try:
        from IPython import get_ipython
        from IPython.display import IFrame, display
    except ImportError:
        shell = None
    else:
        shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        print(f"Open {address}", file=sys.stderr, flush=True)  # noqa: T201
    else:
        display(IFrame(address, width="100%", height=HEIGHT))  # type: ignore[no-untyped-call, unused-ignore]

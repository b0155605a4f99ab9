"""What ``import bench`` offers in Python; a cell of ``bench run`` goes through the same engine.

    load, sample, save        generators: from a file, to images, to a file (generators.py)
    ask_oracle, make_feedback clicks: simulated, or a person's (clicks.py)
    click                     clicks on a page, below a notebook's cell (click.py)
    unlearn, Task             a method on a generator (unlearn.py, methods.py, task.py)
    evaluate                  metrics, with or without an oracle (evaluate.py)
    results                   all stored cells as a frame (results.py)
    open_workspace            where everything is, for several calls (places.py)

``load`` and ``unlearn`` return a generator together with what is known of it (known.py); every function takes that, or
a plain ``bench.api.Generator``. Wrong values raise ``bench.errors.BenchError``, with the remedy in the words of Python
(wording.py).
"""

"""The page on which a person clicks: `bench serve`, and `bench.click` in a notebook.

    samples.py    what is shown: pictures and latents of a generator's samples, drawn when they are looked at
    book.py       every click, in SQLite: nothing that was acknowledged is lost
    layout.py     which sample stands where: in order, most likely next, some of them twice
    guess.py      the direction of the clicks so far, and what it would change
    outcome.py    from clicks to the feedback file
    shares.py     who counted the feature before and after, of which images
    runs.py       the `bench run` that the page starts
    guard.py      what a request must be; forms.py: what a form must hold
    views.py, clicking.py, finishing.py, app.py    the pages; serving.py: the server

Words: a *tile* is a place in the grid, numbered from 0; a sample that is shown twice has two tiles. A *round* is a set
of samples that are clicked: round 0 those of the original, round 1 those of the unlearned generator.
"""

"""The largest numbers that a command accepts; anything larger is refused at once as a typing error."""

from __future__ import annotations

PIXELS = 2**24  # of a picture that is read: a small file can hold one that fills the memory
SAMPLES = 1_000_000  # of one evaluation, one feedback or one folder; the paper's largest count is 10,000
PAGE = 20_000  # of a page on which a person clicks
SEEDS = 10_000  # in one --seed
SEED_DIGITS = 100  # of one seed
CELLS = 100_000  # of one command

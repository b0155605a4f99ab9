"""The largest numbers that a command takes: what is beyond is a typing error, and is told at once."""

from __future__ import annotations

PIXELS = 2**24  # of a picture that is read: a small file can hold one that fills the memory
SAMPLES = 1_000_000  # of one evaluation, one feedback or one folder; the paper's largest count is 10,000
SEEDS = 10_000  # in one --seed
SEED_DIGITS = 100  # of one seed
CELLS = 100_000  # of one command

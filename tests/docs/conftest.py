"""The docs describe the rooms that the code is being moved into; until it is there, two files wait."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("bench.toolkit") else ["test_examples.py", "test_docs.py"]

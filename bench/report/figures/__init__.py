"""The paper's Figures 1 (traversal), 4 (still flagged), 5 (before and after) and 6 (attributes), from stored cells.

``making`` (which cells, which files) -> ``samples``, ``traversal``, ``attributes`` (what is shown) -> ``sheet``,
``page`` (where it stands on paper). matplotlib is imported when something is drawn.
"""

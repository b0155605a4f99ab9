"""Cells: one cell, its keys, the grid, the plan, and training what is missing."""

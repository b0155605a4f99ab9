"""Comparisons of methods: paired intervals, curves, equal damage and equal removal."""

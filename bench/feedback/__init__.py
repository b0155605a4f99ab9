"""Clicks: of a simulated oracle, from a file, from a folder of pictures."""

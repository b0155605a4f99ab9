"""Weights: checkpoint files, the zoo, and networks that are loaded from them."""

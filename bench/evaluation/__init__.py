"""Evaluation, with and without an oracle: one pass over the samples, metrics, references, counterfactuals."""

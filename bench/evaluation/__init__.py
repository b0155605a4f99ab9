"""What is measured: one pass over the samples, metrics, references, counterfactuals, with and without an oracle."""

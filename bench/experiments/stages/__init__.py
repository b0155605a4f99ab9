"""The stages of one cell: feedback, unlearning, evaluation, record."""

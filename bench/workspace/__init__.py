"""What is here and loaded: suites, weights and how they are loaded, checkpoints, the store."""

"""What is on disk and in memory: suites, weights, checkpoints, the store, and how they are loaded."""

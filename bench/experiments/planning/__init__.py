"""From a request to a plan: which cells run, why, in which order, and for how long."""

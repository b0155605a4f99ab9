"""The processes that run a plan, here or on a cluster."""

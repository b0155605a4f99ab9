"""Work in a process of its own: what it breaks stays its own, and it hands back plain values and arrays."""

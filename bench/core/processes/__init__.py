"""Work in a separate process: its faults stay there, and it returns plain values and arrays."""

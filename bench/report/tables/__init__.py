"""Tables: their definitions, rows, layout and files."""

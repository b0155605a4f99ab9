"""A table as CSV, LaTeX, HTML and plain text."""

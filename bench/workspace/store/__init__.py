"""Stored cells: records, shared stages, locks, and their way to another folder and back."""

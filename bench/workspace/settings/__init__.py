"""Suites, parameters and what a person types, checked against typed fields."""

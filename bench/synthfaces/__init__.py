"""Procedural faces: a causal model of attributes, a table of numbers per face, and a list of layers that draws it.

``draws`` (random numbers by name) -> ``causes`` (who is it) -> ``appearance`` (numbers and colours) ->
``layers_*`` (shapes, coverage, colour) -> ``renderer`` (8-bit pictures).
"""

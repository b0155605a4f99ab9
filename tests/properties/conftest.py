"""Properties of every parser: each returns a value or raises an error that the user can mend, whatever it is given.

``pytest tests/properties --hypothesis-profile=thorough`` tries 10,000 examples of each instead of 50.
"""

from __future__ import annotations

import pytest

try:
    from hypothesis import HealthCheck, settings
except ModuleNotFoundError:
    collect_ignore_glob = ["test_*.py"]

    def pytest_report_header() -> str:
        """Say why they are left out."""
        return "tests/properties: left out, since hypothesis is not installed (pip install -e '.[test]')"
else:
    COMMON = {
        "deadline": None,  # of an example; the machine may be busy
        "database": None,
        "derandomize": True,
        "suppress_health_check": [*HealthCheck],  # tmp_path is one folder for all examples, on purpose
    }
    settings.register_profile("ordinary", max_examples=50, **COMMON)
    settings.register_profile("thorough", max_examples=10_000, **COMMON)
    if settings.get_current_profile_name() not in ("ordinary", "thorough"):
        settings.load_profile("ordinary")


@pytest.fixture(autouse=True)
def as_published(monkeypatch):
    """Put back what the IDX file of the tests adds to the published ones."""
    from bench.datasets import mnist

    monkeypatch.setattr(mnist, "PUBLISHED", dict(mnist.PUBLISHED))

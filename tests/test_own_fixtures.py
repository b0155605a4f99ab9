"""What the tests themselves rely on."""

from __future__ import annotations


def test_a_worker_of_xdist_finds_the_data_that_the_command_was_given(pytestconfig):
    conftest = next(each for each in pytestconfig.pluginmanager.get_plugins() if hasattr(each, "put_aside"))
    variables = {"BENCH_DATA": "folder"}
    assert conftest.put_aside(variables) == "folder" and "BENCH_DATA" not in variables
    assert conftest.put_aside(dict(variables)) == "folder", "in the worker, which inherits what is left"
    assert conftest.put_aside({}) is None

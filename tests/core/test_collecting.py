"""The garbage collector is paused for a block, and then as it was."""

from __future__ import annotations

import gc

import pytest

from bench.core import collecting


def test_it_is_paused_in_the_block_and_comes_back_after_an_error():
    with pytest.raises(ValueError, match="inside"), collecting.paused():
        assert not gc.isenabled()
        raise ValueError("inside")
    assert gc.isenabled()


def test_who_had_disabled_it_still_has():
    gc.disable()
    try:
        with collecting.paused(), collecting.paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()

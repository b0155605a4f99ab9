from __future__ import annotations

import numpy as np

from bench.core.memory import Memory

DATA = np.arange(12, dtype=np.uint8).reshape(3, 4)


def looking(looks, value=1.0):
    """Return what computes a number, and notes that it did."""

    def compute():
        looks.append(value)
        return {"found": np.full((2, 3), value, dtype=np.float32), "rows": np.arange(2.0)}

    return compute


def test_the_same_data_is_computed_once_by_any_process(tmp_path):
    looks = []
    first = Memory(tmp_path, "a")(DATA, looking(looks))
    again = Memory(tmp_path, "a")(DATA.copy(), looking(looks, 2.0))
    assert looks == [1.0] and first.keys() == again.keys()
    for name, array in first.items():
        assert np.array_equal(array, again[name]) and array.dtype == again[name].dtype


def test_other_data_other_shapes_and_other_keys_are_others(tmp_path):
    looks, other = [], DATA.copy()
    other[2, 3] ^= 1
    for key, data in (("a", DATA), ("b", DATA), ("a", other), ("a", DATA.reshape(4, 3)), ("a", DATA.astype(np.int8))):
        Memory(tmp_path, key)(data, looking(looks))
    assert len(looks) == 5


def test_a_changed_file_is_made_again(tmp_path):
    looks = []
    Memory(tmp_path, "a")(DATA, looking(looks))
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert Memory(tmp_path, "a")(DATA, looking(looks, 2.0))["found"][0, 0] == 2.0
    assert Memory(tmp_path, "a")(DATA, looking(looks, 3.0))["found"][0, 0] == 2.0 and looks == [1.0, 2.0]

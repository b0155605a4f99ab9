"""A generator's cut of few samples, for the tests: 10,000 take seconds. Importing it sets it, in a cell's process too."""

import bench.feedback.oracle

bench.feedback.oracle.CUT_COUNT = 256

# ``bench`` as a process, whose cells have the small cut too; tests/support must be on its path
COMMAND = "import bench.experiments; bench.experiments.PRELOADED += ('small_cut',); from bench.cli import main; main()"

"""What ``import bench`` offers in Python; a cell of ``bench run`` goes through the same engine.

    load, sample, save        generators: from a file, to images, to a file (generators.py)
    ask_oracle, make_feedback clicks: simulated, or a person's (clicks.py)
    unlearn                   a method on a generator (unlearn.py, bench/experiments/method_run.py)
    evaluate                  metrics, with or without an oracle (evaluate.py)

Paths that several functions take are those of the command line: ``plugins``, a folder of loose plug-ins;
``data_dir``, the folder of data sets (by default the environment's ``BENCH_DATA``); ``results``, the folder of results,
beside which is kept what is costly to make and not shipped. Wrong values raise ``bench.errors.BenchError``, with the
remedy.
"""

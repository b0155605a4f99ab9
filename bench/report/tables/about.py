"""Sentences in the captions of tables that need an explanation: readings, damage, budget and steps."""

from __future__ import annotations

UNIT = "our reading of the paper: latents move along the unit vector, where the printed Eq. 3 multiplies by z_e itself"
READINGS = (
    "Threshold (mean of all projections, or midpoint of the class means) / step (along the unit vector, or the printed "
    "formula's z_e) / batches per epoch / L1 distance (mean or sum over the pixels)."
)
DAMAGE = (
    "Each method's curve (table tradeoff) is read, seed by seed, where all do equal damage (retain_change) or where "
    "all leave an equal target ratio. Ratio: what the method leaves (at equal removal: what it changes) divided by "
    "that of the block's first method, geometric mean over seeds; in brackets, Student's 95 % interval of the "
    "logarithms. Target ratios count as (positives + 1/2) / (samples + 1). The interval covers clicks and training, "
    "which differ between seeds, not the samples, which all seeds share. Intervals are per comparison: of twenty "
    "comparisons of equal methods, one is expected to exclude 1. Not distinguishable: the interval includes 1; the "
    "smallest difference that a comparison could see is the factor, up or down, that it would find with a probability "
    "of 80 %. Read elsewhere: on how many seeds the method's curve does not reach the operating point and both are "
    "read at its own nearest end."
)
AGREEMENT = (
    "Agreement with the paper's target ratios, on its own data. In brackets there: the 95 % interval of the reading's"
    " mean over seeds (Student's, of the log-odds of (positives + 1/2) / (samples + 1)). yes: the paper's number lies"
    " in it. one run: it does not, but lies where 95 % of further single runs of this reading would. The paper does "
    "not say how many runs its numbers are of. With so many readings, some agree by chance, and the wider an "
    "interval, the more it holds."
)
BUDGET = (
    "The share says how long retraining takes: it is the number of its passes over the images without the feature, "
    "divided by the number of passes over all training images in the original's own training. The row named retrain "
    "takes as long as in table 2. Retraining reads no clicks, so its spread is that of different trainings."
)
AFTER_STEPS = (
    "Each method has one run of 500 steps, which is stopped on the way to evaluate its weights. So a learning rate "
    "that falls is that of the 500-step schedule in every row: a run of fewer steps would end at a lower one. The "
    "methods are ours, surrogate, gradient_ascent, uno and uno_s; --method adds others. A step is one batch of the "
    "method's own loop, and methods' steps cost differently: compare the seconds too. They include what comes before "
    "the loop, such as a surrogate's training, and what was computed in earlier parts of the run."
)

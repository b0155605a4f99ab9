"""A non-linear probe of the latent, learnt from the clicks: an ensemble of small dropout networks, and its edit.

A linear rule is poor at finding and removing a feature that is not a straight direction. A probe flags latents by its
score, and moves them along the score's gradient until it is safe.
"""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, dropout, relu

from bench.api import Context, Feedback, Generator, UsageError
from bench.toolkit.latent import Editor
from bench.toolkit.moments import LayerParams, ShownLatents, columns_of

FIT = 1_000_000_000  # the step whose randomness trains the probe, far beyond the student's steps
LIMIT = 4_096  # largest number of latents read; with 5,000 shown samples the fit then takes about a minute


class ProbeParams(LayerParams):
    """How the probe learns from the clicks, what it flags and how far it moves."""

    members: int = Field(8, ge=1, description="networks in the ensemble")
    hidden: int = Field(64, ge=1, description="units in each of the two hidden layers")
    dropout: float = Field(0.3, ge=0, lt=1, description="dropout rate while the probe trains")
    probe_steps: int = Field(400, ge=1, description="AdamW steps that train the probe")
    probe_batch: int = Field(1024, ge=2, description="shown samples per step of the probe; all if fewer")
    probe_lr: float = Field(3e-3, gt=0, lt=1, description="learning rate of the probe; cosine to 0")
    weight_decay: float = Field(0.03, ge=0, description="decoupled weight decay of the probe")
    flag_share: float = Field(0.3, gt=0, lt=1, description="share of the shown samples that is flagged")
    safe_share: float = Field(0.5, gt=0, lt=1, description="quantile of scores to which flagged latents move")
    moves: int = Field(20, ge=1, description="largest number of gradient moves of a latent")


class Probe(Editor):
    """An ensemble of networks D -> hidden -> hidden -> 1 on latents; its score is the mean logit.

    Attributes
    ----------
    columns : (D,) int64
        Which latents it reads and moves.
    threshold, safe : () float32
        The score from which a latent is flagged, and the score to which it is moved.
    """

    columns: Tensor
    threshold: Tensor
    safe: Tensor

    def __init__(self, generator: Generator, config: ProbeParams) -> None:
        super().__init__()
        self.rate, self.moves = config.dropout, config.moves
        columns = torch.from_numpy(columns_of(generator, config.layers)[0])
        self.register_buffer("columns", columns, persistent=False)
        sizes = (len(columns), config.hidden, config.hidden, 1)
        shapes = list(zip(sizes, sizes[1:], strict=False))
        self.weights = nn.ParameterList(torch.zeros(config.members, a, b) for a, b in shapes)
        self.biases = nn.ParameterList(torch.zeros(config.members, 1, b) for _, b in shapes)
        self.register_buffer("threshold", torch.zeros(()))
        self.register_buffer("safe", torch.zeros(()))

    def logits(self, latents: Tensor) -> Tensor:
        """Map the latents read, (N, D), to every member's logits, (members, N)."""
        hidden = latents.expand(len(self.weights[0]), -1, -1)  # (M, N, D)
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            hidden = torch.baddbmm(bias, hidden, weight)
            if i < len(self.weights) - 1:
                hidden = dropout(relu(hidden), self.rate, self.training)
        return hidden[..., 0]

    def forward(self, latents: Tensor) -> Tensor:
        return self.logits(latents[:, self.columns]).mean(0)

    def flag(self, latents: Tensor) -> Tensor:
        flagged: Tensor = self(latents) >= self.threshold
        return flagged

    @torch.enable_grad()  # the edit needs a gradient, even where the teacher draws without one
    def erase(self, latents: Tensor) -> Tensor:
        """Move latents (N, D) along the score's gradient until it is safe, by Newton steps of at most length 0.5."""
        moved = latents.detach().clone()
        for _ in range(self.moves):
            moved.requires_grad_(True)
            score = self(moved)
            gradient = torch.autograd.grad(score.sum(), moved)[0]  # (N, D)
            excess = (score - self.safe).clamp(min=0)
            norm = gradient.norm(dim=1).clamp(min=1e-6)
            length = (1.05 * excess / norm).clamp(max=0.5)  # a little beyond, since the score is curved
            moved = (moved - (length / norm)[:, None] * gradient).detach()
            if not (excess > 0).any():
                break
        return moved


def fit_probe(generator: Generator, feedback: Feedback, config: ProbeParams, context: Context) -> Probe:
    """Train the ensemble on the clicks, classes balanced; then set its thresholds on the shown latents.

    Raises
    ------
    UsageError
        If a class is missing, or if there are more latents than ``LIMIT``.
    """
    feedback.require_both_classes()
    probe = Probe(generator, config).to(context.device)
    if len(probe.columns) > LIMIT:
        raise UsageError(
            f"probe: {len(probe.columns)} latents are too many, at most {LIMIT} are allowed; read fewer layers "
            "(-p layers=1,4), or use the method 'ours'"
        )
    shown = ShownLatents(generator, feedback, config.layers)
    latents = torch.from_numpy(np.concatenate(list(shown.chunks()))).to(context.device)  # (N, D)
    labels = torch.from_numpy(feedback.labels).to(latents)  # (N,)
    rng = context.rng(FIT)
    with torch.no_grad():
        for weight in probe.weights:
            weight.normal_(0, weight.shape[1] ** -0.5, generator=rng)
    balance = torch.tensor((~feedback.labels).sum() / feedback.positives, device=latents.device)
    optimiser = torch.optim.AdamW(probe.parameters(), lr=config.probe_lr, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, config.probe_steps)
    devices = [latents.device] if latents.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):  # dropout draws from the global state
        torch.manual_seed(int(torch.randint(2**62, (), generator=rng, device=latents.device)))
        for _ in range(config.probe_steps):
            x, y = latents, labels
            if config.probe_batch < len(latents):
                drawn = torch.randint(len(latents), (config.probe_batch,), generator=rng, device=latents.device)
                x, y = latents[drawn], labels[drawn]
            targets = y.expand(config.members, -1)  # (M, N)
            loss = binary_cross_entropy_with_logits(probe.logits(x), targets, pos_weight=balance)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    probe.eval().requires_grad_(False)
    scores = probe.logits(latents).mean(0).double().cpu().numpy()
    probe.threshold.fill_(float(np.quantile(scores, 1 - config.flag_share)))
    probe.safe.fill_(float(np.quantile(scores, config.safe_share)))
    return probe

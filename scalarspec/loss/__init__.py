"""Losses between a prediction and a target, under PyTorch's names, with its argument order and its defaults.

    regression        of numbers: squares, sizes, likelihoods
    classification    of labels and of distributions over classes
    similarity        of vectors, by angles and distances

Unless it says otherwise, prediction and target have any shape, the same for both (ShapeError otherwise), and each
element has a loss. reduction says what becomes of these: "mean" (over nothing it is 0, as in TorchLean; PyTorch's is
NaN), "sum", or "none" (the losses themselves); ArgumentError for anything else. Numbers such as `delta` are literals:
integers, fractions, strings.

    prediction = ss.context("interval").tensor([1, 2])
    ss.loss.mse(prediction, [1, "2.5"])    # encloses 1/8
"""

from scalarspec.loss.classification import (
    bce,
    bce_with_logits,
    cross_entropy,
    hinge,
    kl_div,
    nll,
    sigmoid_focal,
    soft_margin,
)
from scalarspec.loss.regression import (
    gaussian_nll,
    huber,
    log_cosh,
    mae,
    mse,
    mse_derivative,
    poisson_nll,
    smooth_l1,
)
from scalarspec.loss.similarity import cosine_embedding, cosine_similarity, triplet_margin

__all__ = [
    "bce", "bce_with_logits", "cosine_embedding", "cosine_similarity", "cross_entropy", "gaussian_nll", "hinge",
    "huber", "kl_div", "log_cosh", "mae", "mse", "mse_derivative", "nll", "poisson_nll", "sigmoid_focal", "smooth_l1",
    "soft_margin", "triplet_margin",
]  # fmt: skip

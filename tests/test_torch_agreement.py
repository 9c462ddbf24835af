"""Every function, layer and loss is PyTorch's: its floats are the exact values but for rounding."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import scalarspec as ss  # noqa: E402
from scalarspec import layers, loss  # noqa: E402

agreement = pytest.importorskip("torch_agreement")
CASES, F = agreement.CASES, ss.context("float64")
ROUNDS_POSITIONS = {c.name for c in CASES if c.name.startswith("upsample") and c.name.endswith("True")}
"""PyTorch takes the weights of an interpolation from rounded positions, and so as differences of these; ours are
exact fractions."""
FOLDED = {"BatchNorm x"}
"""PyTorch adds x alpha and bias - mean alpha, which cancel where x is near the mean."""
ROUNDS_FACTORS = {"mse mean"}
"""PyTorch's gradient multiplies by 2/n, rounded, and then by a cotangent; here the product of both is a number that
floats hold."""
EXCEPTIONS = ROUNDS_POSITIONS | FOLDED | ROUNDS_FACTORS


def scale_of(found):
    """The size of the largest number of a cross-check, at least 1."""
    return max([1.0, *(abs(float(v)) for v in np.ravel(np.asarray(found.enclosure[1], dtype=object)))])


def assert_agrees(case, found, dtype):
    """It is the same function: rounding explains the errors, and they are some roundoffs of the largest number."""
    roundoff = float(np.finfo(dtype).eps)
    worst = max((float(e) for e in np.ravel(np.asarray(found.error[1], dtype=object))), default=0.0)
    assert worst <= 1000 * roundoff * scale_of(found), str(found)
    assert found.explained or case.name in EXCEPTIONS, str(found)


@pytest.mark.parametrize("dtype", agreement.DTYPES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.filterwarnings("ignore:reduction")
def test_values_and_gradients_are_pytorchs(case, dtype):
    assert_agrees(case, agreement.values(case, dtype), dtype)
    for found in agreement.gradients(case, dtype):
        assert_agrees(case, found, dtype)


def test_another_function_does_not_pass():
    x = np.array([[1.0, 2.0, 4.0]])
    found = ss.crosscheck(lambda x: ss.var(x, 1, correction=0), x, actual=torch.tensor(x).var(1).numpy())
    with pytest.raises(AssertionError):
        assert_agrees(agreement.CASES[0], found, "float64")


# ---- far from ordinary ----------------------------------------------------------------------------------------------

SHIFTED = {
    "softmax",
    "softmax,",
    "log_softmax",
    "logsumexp",
    "max",
    "cross_entropy",
    "bce_with_logits",
    "sigmoid_focal",
}
FAR = [case for case in CASES if case.name.split()[0] in SHIFTED]


@pytest.mark.parametrize("dtype", agreement.DTYPES)
@pytest.mark.parametrize("case", FAR, ids=lambda case: case.name)
def test_values_at_numbers_whose_exponentials_overflow(case, dtype):
    assert_agrees(case, agreement.values(case, dtype, scale=500.0), dtype)


def test_pytorchs_soft_margin_overflows_and_ours_does_not():
    x, y = torch.tensor([-1000.0], dtype=torch.float64), torch.tensor([1.0], dtype=torch.float64)
    assert torch.isinf(torch.nn.functional.soft_margin_loss(x, y))
    assert loss.soft_margin(F.tensor(x.numpy()), y.numpy()).item() == 1000


SPECIAL = np.array([[0.0, -0.0, np.inf, 1.0], [-np.inf, np.nan, 2.0, 2.0], [0.5, 1e-310, -1e300, 1e300]])


def same_floats(ours, theirs):
    """NaN where it is NaN, the same infinities, and numbers within some roundoffs of one another."""
    np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-13, atol=1e-300)


SORTED = {"sort", "top_k"}
ONE_ARGUMENT = [
    c
    for c in (*agreement.REDUCTIONS, *agreement.STRUCTURE, *agreement.CONVOLUTIONS)
    if c.shapes == ((3, 4),) and c.name not in SORTED
]


@pytest.mark.parametrize("case", ONE_ARGUMENT, ids=lambda case: case.name)
def test_special_values_become_what_they_become_in_pytorch(case):
    theirs = case.theirs(torch.tensor(SPECIAL)).numpy()
    same_floats(case.ours(ss.context("float64").tensor(SPECIAL)), theirs)


TO_ONE = [0.0, 1.0, 0.5, 1e-300, 1 - 2.0**-53, -0.0]
OTHERS = [c for c in (*agreement.LAYERS, *agreement.LOSSES) if c.name.endswith("none") or c in agreement.LAYERS]


@pytest.mark.parametrize("case", OTHERS, ids=lambda case: case.name)
def test_special_values_go_through_layers_and_losses_as_in_pytorch(case):
    first, *rest = case.arrays("float64")
    numbers = TO_ONE if case.kinds[:1] == ("share",) else SPECIAL
    args = [np.resize(numbers, first.shape), *rest]
    ours, theirs = case.ours(*map(F.tensor, args)), case.theirs(*map(torch.tensor, args)).numpy()
    if case.name.startswith("bce_with_logits"):  # PyTorch adds inf and -inf, where the limit is inf
        theirs = np.where(np.isnan(theirs) & ~np.isnan(args[0]), np.inf, theirs)
    same_floats(ours, theirs)


# ---- where PyTorch does otherwise, for a reason that is told ---------------------------------------------------------


def slope(function, x):
    """PyTorch's gradient of a sum."""
    t = torch.tensor(x, requires_grad=True)
    function(t).sum().backward()
    return t.grad.tolist()


def test_a_nan_spreads_among_what_is_sorted_and_is_the_greatest_in_pytorch():
    x = np.array([[np.nan, 1.0, 3.0, 2.0], [np.inf, -np.inf, -0.0, 0.5]])
    assert torch.tensor(x).sort(1).values[0].tolist()[:3] == [1, 2, 3]
    found = np.asarray(ss.sort(F.tensor(x), 1))
    assert np.isnan(found[0]).all()
    assert found[1].tolist() == torch.tensor(x).sort(1).values[1].tolist()


def test_a_pool_gives_the_first_of_equal_elements_the_whole_derivative_in_pytorch():
    x = np.array([[2.0, 2.0, 1.0, 0.0]])
    assert slope(lambda t: torch.nn.functional.max_pool1d(t, 2), x) == [[1, 0, 1, 0]]
    assert ss.grad(lambda t: ss.sum(layers.MaxPool(2)(t)))(F.tensor(x)).tolist() == [[0.5, 0.5, 1, 0]]


def test_a_row_that_is_masked_whole_is_nan_in_pytorch():
    x, nothing = np.ones((2, 2)), np.zeros((2, 2), dtype=bool)
    scores = torch.tensor(x).masked_fill(torch.tensor(~nothing), -torch.inf)
    assert torch.isnan(scores.softmax(-1)).all()
    assert not np.any(np.asarray(layers.scaled_dot_product_attention(F.tensor(x), x, x, nothing)))


def test_the_slope_of_a_variance_below_eps_is_not_that_of_the_loss_in_pytorch():
    x, v = np.array([1.0]), np.array([2.0**-24])
    theirs = slope(lambda v: torch.nn.functional.gaussian_nll_loss(torch.tensor(x), torch.tensor([0.0]), v), v)
    assert theirs != [0]
    assert ss.grad(lambda v: ss.sum(loss.gaussian_nll(F.tensor(x), [0.0], v)))(F.tensor(v)).tolist() == [0]


def test_ties_of_extremes_share_the_derivative_as_in_pytorch():
    x = torch.tensor([[1.0, 3, 3], [2, 2, 2]], dtype=torch.float64, requires_grad=True)
    x.amax(1).sum().backward()
    assert ss.grad(lambda t: ss.sum(ss.max(t, 1)))(F.tensor(x.detach().numpy())).tolist() == x.grad.tolist()


# ---- over nothing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mse", "mae", "huber", "smooth_l1", "soft_margin", "bce_with_logits", "kl_div"])
@pytest.mark.filterwarnings("ignore:reduction")
def test_losses_over_nothing(name):
    """The mean is 0, where PyTorch's is NaN; all else is alike."""
    theirs = {"mse": "mse_loss", "mae": "l1_loss", "huber": "huber_loss", "smooth_l1": "smooth_l1_loss",
              "soft_margin": "soft_margin_loss", "bce_with_logits": "binary_cross_entropy_with_logits"}  # fmt: skip
    of_torch, ours = getattr(torch.nn.functional, theirs.get(name, name)), getattr(loss, name)
    nothing, empty = torch.zeros((0, 3), dtype=torch.float64), F.tensor(np.zeros((0, 3)))
    assert ours(empty, empty).item() == 0
    assert torch.isnan(of_torch(nothing, nothing))
    assert ours(empty, empty, reduction="sum").item() == of_torch(nothing, nothing, reduction="sum").item() == 0
    assert ours(empty, empty, reduction="none").shape == tuple(of_torch(nothing, nothing, reduction="none").shape)


@pytest.mark.parametrize("axis", [0, 1])
def test_functions_over_nothing(axis):
    nothing, empty = torch.zeros((0, 3), dtype=torch.float64), F.tensor(np.zeros((0, 3)))
    for name in ("sum", "prod", "logsumexp", "softmax", "log_softmax"):
        same_floats(getattr(ss, name)(empty, axis=axis), getattr(nothing, name)(axis).numpy())
    same_floats(ss.cumulative_sum(empty, axis), nothing.cumsum(axis).numpy())
    assert layers.Linear(np.ones((2, 3)), np.ones(2))(empty).shape == (0, 2)
    assert layers.Conv(np.ones((2, 3, 1)))(F.tensor(np.zeros((0, 3, 4)))).shape == (0, 2, 4)

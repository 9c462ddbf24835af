"""Flows, diffusions, least squares GANs, importance weighted bounds, straight-through gradients, in every context."""

import itertools
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from agreement import assert_is, assert_near, inside
from conftest import CONTEXTS, WITH_EXP
from specs import a_vae, a_vqvae

import scalarspec as ss
from scalarspec import latent
from scalarspec.errors import NotExact, OutOfRange, ShapeError
from scalarspec.models import autoencoder, ddim, ddpm, iwae, lsgan, realnvp, vae, vqvae

LOG_TWO_PI = Fraction("1.8378770664093454835606594728112352797")


def overlap(a, b):
    """Do the enclosures of all elements have points in common?"""
    (low, high), (lower, upper) = ss.endpoints(a), ss.endpoints(b)
    return a.shape == b.shape and bool(np.all((low <= upper) & (lower <= high)))


def width(t):
    """The greatest width of an enclosure."""
    lower, upper = ss.endpoints(t)
    return np.max(upper - lower)


def contained(found, spec, points):
    """Are the float values of a spec at some points within bounds, but for rounding?"""
    slack = Fraction(1, 10**9)
    for point in points:
        values = np.vectorize(Fraction, otypes=[object])(np.asarray(spec(ss.context("float64").tensor(point))))
        assert np.all((found.lower - slack <= values) & (values <= found.upper + slack))


# ---- real NVP -------------------------------------------------------------------------------------------------------

X = np.array([0.5, -1.0, 0.25])


def a_flow(scale=1.0):
    """Two couplings of three coordinates, whose maps are small networks; rational where the scales are 0."""
    first = ss.layers.Linear(np.array([[0.5, -0.25]]), np.array([0.125]))
    second = ss.layers.Linear(np.array([[0.75], [-0.5]]), np.array([0.125, 0.5]))
    scales = [ss.layers.Linear(layer.weight * scale, layer.bias * scale) for layer in (first, second)]
    if scale:
        scales = [ss.layers.Sequential(layer, ss.tanh) for layer in scales]
    return realnvp.Flow((realnvp.Coupling(scales[0], first, 2), realnvp.Coupling(scales[1], second, 1)))


def test_the_inverse_of_a_flow_undoes_it(enclosing):
    flow, x = ss.lift(a_flow(), enclosing), enclosing.tensor(X)
    exact = np.vectorize(Fraction, otypes=[object])(X)
    there = realnvp.inverse(flow, realnvp.forward(flow, x))
    assert inside(there, exact)
    assert inside(realnvp.forward(flow, realnvp.inverse(flow, x)), exact)
    assert width(there) < Fraction(1, 10**4)


def test_a_flow_without_scales_is_exact(exact):
    """By hand: y2 = 1/4 + (1/2)(1/2) + (1/4) + 1/8 = 7/8, and the coordinates are reversed: 7/8, -1, 1/2; then -1 +
    (3/4)(7/8) + 1/8 = -7/32 and 1/2 - (1/2)(7/8) + 1/2 = 9/16, and they are reversed again.
    """
    flow, x = ss.lift(a_flow(0), exact), exact.tensor(X)
    z = realnvp.forward(flow, x)
    assert_is(z, [Fraction(9, 16), Fraction(-7, 32), Fraction(7, 8)])
    assert_is(realnvp.inverse(flow, z), X.tolist())
    assert_is(realnvp.log_det(flow, x), 0)


@pytest.mark.parametrize("name", ["interval", "interval113", "interval64"])
def test_the_log_determinant_is_that_of_the_jacobian(name):
    context = CONTEXTS[name]
    flow, x = ss.lift(a_flow(), context), context.tensor(X)
    rows = [ss.grad(lambda t, k=k: realnvp.forward(flow, t)[k])(x) for k in range(3)]
    determinant = context.tensor(0)
    for order in itertools.permutations(range(3)):
        sign = (-1) ** sum(a > b for a, b in itertools.combinations(order, 2))
        determinant = determinant + sign * rows[0][order[0]] * rows[1][order[1]] * rows[2][order[2]]
    found = realnvp.log_det(flow, x)
    assert overlap(ss.log(ss.abs(determinant)), found)
    assert width(found) < Fraction(1, 10**12)


@pytest.mark.parametrize("name", WITH_EXP)
def test_the_density_of_a_flow_that_moves_nothing_is_normal(name):
    context = CONTEXTS[name]
    flow = realnvp.Flow((realnvp.Coupling(lambda t: 0 * t, lambda t: 0 * t, 1),))
    found = realnvp.log_density(flow, context.tensor([1, -2]))
    if context.name != "symbolic":
        assert_near(
            found, -LOG_TWO_PI - Fraction(5, 2), digits=15 if getattr(context, "dtype", None) != np.float32 else 7
        )
    else:
        assert abs(float(found.item()) + 4.337877066409345) < 1e-14


def test_a_batch_of_vectors_is_its_rows(interval):
    flow, rows = a_flow(), np.stack([X, 2 * X, -X])
    together = realnvp.log_density(flow, interval.tensor(rows))
    alone = ss.stack([realnvp.log_density(flow, interval.tensor(row)) for row in rows])
    assert overlap(together, alone)
    assert overlap(ss.batched(realnvp.log_density, over="x")(flow, interval.tensor(rows)), alone)


def test_bounds_of_a_density_hold(float64):
    flow = a_flow()
    found = ss.bounds(realnvp.log_density, flow, X, vary={"x": ss.ball("0.1")}, method="linear")
    rng = np.random.default_rng(0)
    contained(found, lambda x: realnvp.log_density(flow, x), X + rng.uniform(-0.1, 0.1, (20, 3)))
    assert found.upper - found.lower < 2


@pytest.mark.parametrize("kept", [0, 3, -1])
def test_a_coupling_keeps_some_coordinates(kept, rational):
    flow = realnvp.Flow((realnvp.Coupling(ss.layers.identity, ss.layers.identity, kept),))
    for of in (realnvp.forward, realnvp.inverse):
        with pytest.raises(ShapeError, match=rf"keeps {kept} of x of shape \(3,\); expected some, but not all"):
            of(flow, rational.tensor([1, 2, 3]))


# ---- diffusion ------------------------------------------------------------------------------------------------------

SQUARES = ddpm.schedule(["9/25", "7/16"])
"""ᾱ is 1, 16/25, 9/25: its square roots, those of 1 - ᾱ and those of α are rational."""


def test_a_schedule_is_exact():
    assert SQUARES.alpha_bars == (1, Fraction(16, 25), Fraction(9, 25))
    paper = ddpm.linear(1000)
    assert len(paper.alpha_bars) == 1001
    assert paper.alpha_bar(1) == Fraction("0.9999")
    assert Fraction("4.035e-5") < paper.alpha_bar(1000) < Fraction("4.037e-5")  # 4.036e-5 in the authors' code


def test_the_forward_process(context):
    x, eps = context.tensor([1, -2]), context.tensor([0, 5])
    assert_is(ddpm.q_sample(SQUARES, x, 0, eps), [1, -2])
    assert_is(ddpm.q_sample(SQUARES, x, 1, eps), [Fraction(4, 5), Fraction(7, 5)], scale=4)
    assert_is(ddpm.q_sample(SQUARES, x, 2, eps), [Fraction(3, 5), Fraction(14, 5)], scale=4)
    assert_is(ddpm.eps_loss(lambda x_t, t: eps, SQUARES, x, 2, eps), 0)
    assert_is(ddpm.eps_loss(lambda x_t, t: 0 * x_t + t, SQUARES, x, 2, eps), Fraction(13, 2))


def test_the_posterior(context):
    """By hand: (4/5)(7/16)/(16/25) = 35/64 and (3/4)(9/25)/(16/25) = 27/64; (7/16)(9/25)/(16/25) = 63/256."""
    x, eps = context.tensor([1, -2]), context.tensor([0, 5])
    x_t = ddpm.q_sample(SQUARES, x, 2, eps)
    mean = [Fraction(35, 64) + Fraction(27 * 3, 64 * 5), Fraction(-70, 64) + Fraction(27 * 14, 64 * 5)]
    assert_is(ddpm.posterior_mean(SQUARES, x, x_t, 2), mean, ulps=32, scale=4)
    assert_is(ddpm.model_mean(lambda t, step: eps, SQUARES, x_t, 2), mean, ulps=32, scale=8)
    assert_is(ddpm.posterior_variance(SQUARES, x_t, 2), Fraction(63, 256), ulps=16)
    assert_is(ddpm.posterior_mean(SQUARES, x, x_t, 1), [1, -2], scale=4)
    assert_is(ddpm.posterior_variance(SQUARES, x_t, 1), 0)


def test_implicit_steps_from_the_true_noise(context):
    x, eps = context.tensor([1, -2]), context.tensor([0, 5])
    x_t = ddpm.q_sample(SQUARES, x, 2, eps)
    for before in (1, 0):
        found = ddim.step(lambda t, step: eps, SQUARES, x_t, 2, before, 0, 0)
        wanted = {1: [Fraction(4, 5), Fraction(7, 5)], 0: [1, -2]}[before]
        assert_is(found, wanted, ulps=64, scale=8)


def test_an_implicit_step_with_all_noise_is_one_of_ddpm(enclosing):
    schedule, noise = ddpm.linear(5, "0.1", "0.5"), enclosing.tensor([1, "1/2"])

    def network(x_t, t):
        return x_t / (1 + t)

    for t in (1, 3, 5):
        x_t = enclosing.tensor([2, "-1/3"])
        found = ddim.step(network, schedule, x_t, t, t - 1, 1, noise)
        sigma = ss.sqrt(ddpm.posterior_variance(schedule, x_t, t))
        assert overlap(found, ddpm.model_mean(network, schedule, x_t, t) + sigma * noise)
        assert width(found) < Fraction(1, 10**4)


def test_a_diffusion_loss_has_bounds_and_gradients():
    net = ss.layers.Sequential(ss.layers.Linear(np.eye(2) / 2, np.ones(2) / 4), ss.tanh)

    def loss(net, x, t, eps):
        return ddpm.eps_loss(lambda x_t, t: net(x_t), SQUARES, x, t, eps)

    x, eps = np.array([1.0, -2.0]), np.array([0.5, 0.25])
    found = ss.bounds(loss, net, x, 2, eps, vary={"x": ss.ball("0.1")}, method="linear")
    rng = np.random.default_rng(0)
    contained(found, lambda t: loss(net, t, 2, eps), x + rng.uniform(-0.1, 0.1, (20, 2)))
    rows = ss.context("interval").tensor(np.stack([x, -x]))
    together = ss.batched(ss.value_and_grad(loss, 1), over="x")(net, rows, 2, eps)
    alone = [ss.value_and_grad(loss, 1)(net, row, 2, eps) for row in rows]
    for part, each in zip(together, zip(*alone, strict=True), strict=True):
        assert overlap(part, ss.stack(each))


def test_what_is_no_schedule_or_step_is_refused(rational):
    for beta in (0, 1, "-1/2"):
        with pytest.raises(OutOfRange, match=f"betas: expected numbers strictly between 0 and 1, got {beta}"):
            ddpm.schedule(["1/2", beta])
    with pytest.raises(OutOfRange, match="steps: expected 2 at least, got 1"):
        ddpm.linear(1)
    x = rational.tensor([1, 2])
    for t in (-1, 3):
        with pytest.raises(OutOfRange, match=f"t: expected a step from 0 to 2, got {t}"):
            ddpm.q_sample(SQUARES, x, t, x)
    with pytest.raises(OutOfRange, match="t: expected a step from 0 to 2, got -1"):
        ddpm.posterior_mean(SQUARES, x, x, 0)
    with pytest.raises(NotExact):
        ddpm.q_sample(ddpm.schedule(["1/2"]), x, 1, x)


# ---- least squares GANs ---------------------------------------------------------------------------------------------


def test_the_losses_of_a_least_squares_gan(context):
    discriminator, generator = (lambda x: x[:, 0] + x[:, 1]), (lambda z: ss.stack([z, 2 * z], axis=1))
    x, z = context.tensor([[1, 0], ["1/2", 1]]), context.tensor([1, "-1/3"])
    real, fake = [1, Fraction(3, 2)], [3, -1]
    wanted = (sum((d - 1) ** 2 for d in real) + sum(d**2 for d in fake)) / 4
    assert_is(lsgan.discriminator_loss(discriminator, generator, x, z), wanted, ulps=16)
    assert_is(lsgan.generator_loss(discriminator, generator, z), Fraction(4 + 4, 4), ulps=16)
    assert_is(lsgan.generator_loss(discriminator, generator, z, 0), Fraction(9 + 1, 4), ulps=16)


def test_the_best_score_is_least(rational):
    data, made = rational.tensor("3/4"), rational.tensor("1/5")
    best = lsgan.best_score(data, made)
    assert_is(best, Fraction(15, 19))
    for score in ("15/19", "14/19", "16/19", 0, 1):
        least, found = lsgan.at_point(best, data, made), lsgan.at_point(rational.tensor(score), data, made)
        assert bool(least <= found)
        assert bool(least < found) == (score != "15/19")


# ---- the importance weighted bound ----------------------------------------------------------------------------------

DRAWS = np.array([[0.25, -1.0], [0.5, 0.75], [-2.0, 0.0]])
SEEN = np.array([1.0, 0.5, -2.0])


def by_hand(draws):
    """The bound of `a_vae` with a weight of 1 on its log-variance, in mpmath, from the densities themselves."""
    model = a_vae(ss.context("rational"), 1)
    exact = ss.context("rational").tensor(SEEN)
    mu, logvar = ([mpmath.mpf(v.numerator) / v.denominator for v in m.tolist()] for m in vae.encode(model, exact))
    weight = np.asarray(model.decoder.forward.layers[0].weight.tolist(), dtype=float)

    def normal(at, mean, variance):
        return mpmath.exp(-((at - mean) ** 2) / (2 * variance)) / mpmath.sqrt(2 * mpmath.pi * variance)

    total = mpmath.mpf(0)
    for eps in draws:
        z = [m + mpmath.exp(v / 2) * mpmath.mpf(e) for m, v, e in zip(mu, logvar, eps, strict=True)]
        means = [max(0, mpmath.fdot(row.tolist(), z)) for row in weight]
        ratio = mpmath.mpf(1)
        for x, mean in zip(SEEN, means, strict=True):
            ratio *= normal(x, mean, 1)
        for t, m, v in zip(z, mu, logvar, strict=True):
            ratio *= normal(t, 0, 1) / normal(t, m, mpmath.exp(v))
        total += ratio
    return mpmath.log(total / len(draws))


@pytest.mark.parametrize("name", WITH_EXP)
def test_the_bound_is_that_of_the_densities(name):
    context = CONTEXTS[name]
    model, x = a_vae(context, 1), context.tensor(SEEN)
    for k in (1, 3) if name != "symbolic" else (1,):
        with mpmath.workdps(60):
            wanted = Fraction(mpmath.nstr(by_hand(DRAWS[:k]), 40))
        found = iwae.bound(model, x, context.tensor(DRAWS[:k]))
        if name == "symbolic":
            assert abs(float(found.item()) - float(wanted)) < 1e-12
        else:
            assert_near(found, wanted, digits=30, ulps=64)


def test_a_bound_of_equal_samples_is_that_of_one(interval):
    model, x = a_vae(interval, 1), interval.tensor(SEEN)
    one = iwae.bound(model, x, interval.tensor(DRAWS[:1]))
    assert overlap(one, iwae.bound(model, x, interval.tensor(DRAWS[[0, 0, 0]])))
    assert overlap(one, iwae.log_weights(model, x, interval.tensor(DRAWS[:1]))[0])


def test_a_bound_lies_above_the_mean_of_the_weights_logarithms(interval):
    """Jensen's inequality, which makes more samples better in expectation."""
    model, x, eps = a_vae(interval, 1), interval.tensor(SEEN), interval.tensor(DRAWS)
    logs = iwae.log_weights(model, x, eps)
    assert bool(iwae.bound(model, x, eps) > ss.mean(logs))
    assert bool(iwae.bound(model, x, eps) < ss.max(logs))


def test_the_bound_has_bounds_and_refuses_no_samples(rational):
    model = a_vae(ss.context("float64"), 1)
    found = ss.bounds(iwae.bound, model, SEEN, DRAWS, vary={"x": ss.ball("0.01")}, method="linear")
    rng = np.random.default_rng(0)
    eps = ss.context("float64").tensor(DRAWS)
    contained(found, lambda x: iwae.bound(model, x, eps), SEEN + rng.uniform(-0.01, 0.01, (20, 3)))
    with pytest.raises(ShapeError, match=r"eps: expected shape \(k, \*latent\) with k > 0, got \(0, 2\)"):
        iwae.bound(a_vae(rational), rational.tensor(SEEN), rational.tensor(np.zeros((0, 2))))


# ---- the straight-through gradients of the VQ-VAE -------------------------------------------------------------------


def test_straight_through_gradients(context):
    """By hand: z_e = (3/2, -2), e = (1, -1), x̂ - x = (0, -3/2, 4), so that g = (8/3, -11/3) and (2/n)(z_e - e) =
    (1/2, -1).
    """
    model, x = a_vqvae(context)
    found = vqvae.straight_through(model, "1/4", x, 1)
    assert_is(found.encoding, [Fraction(8, 3) + Fraction(1, 8), Fraction(-11, 3) - Fraction(1, 4)], ulps=16, scale=4)
    assert_is(found.code, [Fraction(-1, 2), 1], ulps=16)


def test_straight_through_gradients_are_those_of_a_loss_with_stops(rational):
    model, x = a_vqvae(rational)
    for idx in range(3):
        now = vqvae.Gradients(vqvae.encode(model, x), rational.tensor(vqvae.quantized(model, idx)))
        value = vqvae.surrogate(model, "1/4", x, *now, now)
        assert bool(value == vqvae.loss(model, "1/4", x, idx))
        found = vqvae.straight_through(model, "1/4", x, idx)
        wanted = ss.grad(lambda z, e, now=now: vqvae.surrogate(model, "1/4", x, z, e, now), (0, 1))(*now)
        assert [t.tolist() for t in found] == [t.tolist() for t in wanted]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_straight_through_gradients_are_pytorchs(dtype):
    """At multiples of 1/16, where z + (e - z) is e: elsewhere that way of stopping decodes a neighbour of the code; and
    for 4 coordinates, of which 2/n is a float: elsewhere PyTorch rounds it first.
    """
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    weight, bias = rng.normal(size=(3, 4)).astype(dtype), rng.normal(size=3).astype(dtype)
    book, x, encoded = ((rng.integers(-32, 32, shape) / 16).astype(dtype) for shape in ((2, 4), 3, 4))
    z, codes = (torch.tensor(v, requires_grad=True) for v in (encoded, book))
    decoded = torch.tanh(torch.tensor(weight) @ (z + (codes[1] - z).detach()) + torch.tensor(bias))
    mse = torch.nn.functional.mse_loss
    loss = mse(decoded, torch.tensor(x)) + mse(codes[1], z.detach()) + 0.25 * mse(z, codes[1].detach())
    loss.backward()
    decoder = ss.layers.Sequential(ss.layers.Linear(weight, bias), ss.tanh)

    def gradients(encoded, book, x):
        model = vqvae.Model(vqvae.Encoder(lambda _: encoded), latent.Codebook(book), vqvae.Decoder(decoder))
        return ss.stack(vqvae.straight_through(model, "1/4", x, 1))

    actual = np.stack([z.grad.numpy(), codes.grad.numpy()[1]])
    assert ss.crosscheck(gradients, encoded, book, x, actual=actual).explained
    assert not ss.crosscheck(gradients, encoded, book, x, actual=actual[::-1].copy()).explained


# ---- shapes that broadcasting would let pass ------------------------------------------------------------------------

TWO, ONE = [1, 2], [3]
WIDE = realnvp.Coupling(lambda t: t[:1], lambda t: t, 2)  # its scale is one number for two coordinates
UNQUANTIZED = vqvae.Model(
    vqvae.Encoder(ss.layers.identity), latent.Codebook(np.eye(2)), vqvae.Decoder(ss.layers.identity)
)
AUTOENCODER = autoencoder.Autoencoder(np.ones((1, 2)), np.zeros(1), np.ones((1, 1)), np.zeros(1))
MISFITS = {
    "reparameterize_diag": lambda t: latent.reparameterize_diag(t(TWO), t(TWO), t(ONE)),
    "kl": lambda t: latent.diagonal_gaussian_kl_to_standard(t(TWO), t(ONE)),
    "couple": lambda t: realnvp.couple(WIDE, t(TWO), t(TWO)),
    "uncouple": lambda t: realnvp.uncouple(WIDE, t(TWO), t(TWO)),
    "flow": lambda t: realnvp.log_det(realnvp.Flow((WIDE,)), t([1, 2, 3, 4])),
    "q_sample": lambda t: ddpm.q_sample(SQUARES, t(TWO), 1, t(ONE)),
    "undiffused": lambda t: ddpm.undiffused("16/25", t(TWO), t(ONE)),
    "posterior_mean": lambda t: ddpm.posterior_mean(SQUARES, t(TWO), t(ONE), 2),
    "model_mean": lambda t: ddpm.model_mean(lambda x, step: x[:1], SQUARES, t(TWO), 2),
    "ddim": lambda t: ddim.step(lambda x, step: x[:1], SQUARES, t(TWO), 2, 1, 0, 0),
    "ddim noise": lambda t: ddim.step(lambda x, step: x, SQUARES, t(TWO), 2, 1, 0, t(ONE)),
    "at_point": lambda t: lsgan.at_point(t(TWO), t(TWO), t(ONE)),
    "best_score": lambda t: lsgan.best_score(t(TWO), t(ONE)),
    "codes": lambda t: vqvae.distances(UNQUANTIZED, t(ONE)),
    "autoencoder": lambda t: autoencoder.reconstruction_error(AUTOENCODER, t(TWO)),
}


@pytest.mark.parametrize("name", MISFITS)
def test_shapes_that_do_not_fit_are_not_broadcast(name, rational):
    with pytest.raises(ShapeError, match=r"shapes .*\((1|2),\).* differ"):
        MISFITS[name](rational.tensor)


def test_a_reconstruction_of_another_shape_is_refused(interval):
    model = a_vae(interval, 1)
    short = vae.Model(model.encoder, vae.Decoder(lambda z: z[:1]))
    with pytest.raises(ShapeError, match=r"an observation and its reconstruction: shapes \(3,\) and \(1,\) differ"):
        iwae.bound(short, interval.tensor(SEEN), interval.tensor(DRAWS))

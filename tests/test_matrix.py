"""Matrix notation: formulas for any size, checked at random sizes."""

import numpy as np
import pytest
from specs import CLOSED_FORMS, an_autoencoder, kl, tensors_of, vae_shapes

import scalarspec as ss
from scalarspec.core.lifting import mapped
from scalarspec.errors import NotSupported, ShapeError, UnknownName
from scalarspec.layers import Linear
from scalarspec.models import autoencoder, vae, vqvae


def lines(form):
    return str(form).split("\n")[1:]


def test_the_autoencoder_reads_like_the_paper():
    found = ss.matrix_form(autoencoder.reconstruction_error, an_autoencoder(5, 3), ss.Dim(5))
    assert lines(found) == [
        "h = relu(W_encoder x + b_encoder)",
        "x̂ = W_decoder h + b_decoder",
        "error = (1/m) ‖x - x̂‖²",
        "∂error/∂x̂ = (-2/m) (x - x̂)",
        "∂error/∂h = W_decoderᵀ ∂error/∂x̂",
        "∂error/∂b_encoder = ∂error/∂h ⊙ [W_encoder x + b_encoder > 0]",
        "∂error/∂W_encoder = ∂error/∂b_encoder xᵀ",
        "∂error/∂W_decoder = ∂error/∂x̂ hᵀ",
        "∂error/∂b_decoder = ∂error/∂x̂",
        "∂error/∂x = (2/m) (x - x̂) + W_encoderᵀ ∂error/∂b_encoder",
        "where W_encoder x + b_encoder ≠ 0",
    ]
    assert found.shapes["encoder_weights"] == ("n", "m")
    assert r"\frac{\partial \mathrm{error}}{\partial \hat{x}} \, h^{\top}" in found.latex()
    assert found._repr_latex_() == f"$$\n{found.latex()}\n$$"


def test_the_gradients_of_the_kl_are_those_of_the_theory():
    found = ss.matrix_form(kl, ss.Dim(7), ss.Dim(7))
    assert lines(found)[-2:] == [
        "∂diagonal_gaussian_kl_to_standard/∂μ = (1/n) μ",
        "∂diagonal_gaussian_kl_to_standard/∂logvar = (1/(2 n)) (exp(logvar) - 1)",
    ]


def test_the_vq_vae_passes_its_gradients_through_an_index():
    coder = vqvae.Encoder(Linear(ss.Shape((2, 3)), ss.Dim(2)))
    model = vqvae.Model(coder, ss.latent.Codebook(ss.Shape((4, 2))), vqvae.Decoder(Linear(ss.Shape((3, 2)), ss.Dim(3))))
    found = ss.matrix_form(lambda m, beta, x: vqvae.loss(m, beta, x, 1), model, ss.Scalar, ss.Dim(3))
    text = str(found)
    assert "embedding[1]" in text
    assert "scatter(" in text


MORE = {
    "matrices": (
        lambda a, b, c: ss.sum(ss.tanh(a @ b) @ c) + ss.mean(ss.matrix_transpose(b @ a) @ ss.matrix_transpose(a)),
        (ss.Shape((4, 3)), ss.Shape((3, 4)), ss.Dim(4)),
    ),
    "rows": (
        lambda w, x, b: ss.mean_square(ss.batched(lambda w, v, b: ss.affine(w, v, b), over="v")(w, x, b)),
        (ss.Shape((3, 2)), ss.Shape((5, 2)), ss.Dim(3)),
    ),
    "axes": (
        lambda x, y: ss.sum(ss.mean(x, 0) * ss.mean_square(x, 0) + ss.logsumexp(x, 0) * ss.sum(x, 0))
        + ss.dot(ss.sum(x, axis=1), y) / ss.sum(ss.exp(y)),
        (ss.Shape((4, 3)), ss.Dim(4)),
    ),
    "pieces": (
        lambda x: ss.sum(ss.stack([x[0], x[1] * 2, ss.reshape(ss.reshape(x[2], (1, x.shape[0])), (x.shape[1],))])[:, 1])
        * "1/3"
        + x[0, 0] ** 3,
        (ss.Shape((3, 3)),),
    ),
    "quotients": (
        lambda x, y: ss.sum(x / (1 + ss.square(y)) - ss.reciprocal(2 + ss.cosh(x)) - (-x) * y + ss.exp(-x * y) / 7),
        (ss.Dim(3), ss.Dim(3)),
    ),
    "cross-entropy": (lambda z, p: ss.loss.cross_entropy(z, p) + ss.loss.huber(z, p), (ss.Dim(4), ss.Dim(4))),
}  # fmt: skip
FORMS = CLOSED_FORMS | MORE


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("seed", range(3))
def test_the_formulas_equal_the_numbers_at_random_sizes(name, seed):
    """The formulas as NumPy, at other sizes than those that they were made with."""
    spec, shapes = FORMS[name]
    form = ss.matrix_form(spec, *shapes)
    scope = {}
    exec(form.python("form"), scope)
    rng = np.random.default_rng(seed)
    sizes = {n: int(rng.integers(3 if name == "pieces" else 1, 9)) for n in range(2, 12)}

    def tensor(value, _):
        return rng.normal(size=[sizes.get(n, n) for n in value]) if isinstance(value, ss.Shape) else None

    args = [mapped(argument, tensor) for argument in shapes]
    arrays = [np.asarray(t) for t in tensors_of(ss.lift(args, "float64"))]
    value, gradients = scope["form"](*arrays)

    def evaluated(context):
        value, found = ss.value_and_grad(spec, tuple(range(len(args))))(*(ss.lift(a, context) for a in args))
        return [value, *tensors_of(found)]

    bounds = [t.value.bound for t in evaluated(ss.context("rounding"))]
    expected = [np.asarray(t) for t in evaluated(ss.context("float64"))]
    for mine, other, bound in zip(expected, [value, *gradients.values()], bounds, strict=True):
        assert mine.shape == np.shape(other)
        assert np.all(np.abs(mine - other) <= 2 * bound)


def test_a_wrong_factor_would_be_seen():
    form = ss.matrix_form(kl, ss.Dim(3), ss.Dim(3))
    scope = {}
    exec(form.python("form").replace("1.0 / (2 * n)", "1.0 / n"), scope)
    mu = np.ones(5)
    _, gradients = scope["form"](mu, mu)
    assert not np.allclose(gradients["logvar"], (np.exp(mu) - 1) / 10)


def test_a_formula_that_depends_on_the_sizes_is_refused():
    with pytest.raises(NotSupported, match="depends on the sizes"):
        ss.matrix_form(lambda x: ss.sum(x) * (len(x) % 7), ss.Dim(3))
    with pytest.raises(NotSupported, match=r"takes only some sizes .*: reshape: \(1009,\) has 1009 elements"):
        ss.matrix_form(lambda x: ss.reshape(x, (1, 3)), ss.Dim(3))
    with pytest.raises(ShapeError, match=r"\(3,\) and \(4,\)"):
        ss.matrix_form(lambda x, y: ss.sum(x + y), ss.Dim(3), ss.Dim(4))
    with pytest.raises(UnknownName, match="no variable 'z'; there are x"):
        ss.matrix_form(lambda x: ss.sum(x), ss.Dim(3), wrt="z")


def test_which_gradients():
    everything = ss.matrix_form(vae.loss, *vae_shapes(4, 3, 2))
    assert set(everything.gradients) == set(everything.shapes)
    assert list(ss.matrix_form(vae.loss, *vae_shapes(4, 3, 2), wrt="x").gradients) == ["x"]
    assert ss.matrix_form(ss.relu, ss.Dim(4)).gradients == {}
    assert set(everything.to_json()) == {"name", "shapes", "text", "latex"}


def test_names_do_not_meet():
    found = ss.matrix_form(lambda n, x: ss.stage("x", ss.sum(n) * ss.mean(x)), ss.Dim(3), ss.Dim(4))
    scope = {}
    exec(found.python("form"), scope)
    value, gradients = scope["form"](np.ones(2), np.arange(5))
    assert value == 4
    assert gradients["x"].tolist() == [0.4] * 5

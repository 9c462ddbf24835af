"""The main job: three models, trained on 8x8 digits, evaluated on held-out digits under every backend.

`load()` gives the models on NumPy arrays and the held-out data; `run()` evaluates them, and its `Report` prints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import scalarspec as ss
from scalarspec.bounding.bounds import Bounds
from scalarspec.compare import Comparison
from scalarspec.errors import NotExact, OutOfRange
from scalarspec.models import autoencoder, vae, vqvae
from scalarspec.numbers.exact import interval_text
from scalarspec.report import table

WEIGHTS = Path(__file__).with_name("digits.npz")
BETA_VAE, BETA_VQVAE = Fraction(1, 32), Fraction(1, 4)
BACKENDS = ("float32", "float64", "interval", "rational")
HELD_OUT, ALL = 100, 1797
SHADES = " ░▒▓█"
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Digits:
    """The models and some digits; `ss.lift(digits, context)` carries all of it to a context.

    pixels: (n, 64) in [0, 1], exact in binary; eps: (n, 8), the noise of the VAE; codes: the VQ-VAE's index of each
    digit, chosen under float64.
    """

    autoencoder: autoencoder.Autoencoder
    vae: vae.Model
    vqvae: vqvae.Model
    pixels: Array
    eps: Array
    labels: tuple[int, ...]
    codes: tuple[int, ...]


def load(count: int = HELD_OUT) -> Digits:
    """The shipped models, their float32 weights as they were trained, and the last `count` of the 1,797 digits.

    The last 100 were held out from training. Raises OutOfRange unless 1 <= count <= 1797.
    """
    within("count", count, 1, ALL)
    w = dict(np.load(WEIGHTS))

    def linear(name: str) -> ss.layers.Linear:
        return ss.layers.Linear(w[f"{name}.weight"], w[f"{name}.bias"])

    def mlp(name: str, *after: ss.layers.Map) -> ss.layers.Sequential:
        return ss.layers.Sequential(linear(f"{name}.0"), ss.layers.relu, linear(f"{name}.2"), *after)

    trunk = ss.layers.Sequential(linear("vae.trunk.0"), ss.layers.relu)
    vae_encoder = vae.Encoder.with_trunk(trunk, linear("vae.mean"), linear("vae.logvar"))
    quantizer = vqvae.Model(
        vqvae.Encoder(mlp("vqvae.encoder")),
        ss.latent.Codebook(w["vqvae.codebook"]),
        vqvae.Decoder(mlp("vqvae.decoder")),
    )
    layers = [w[f"ae.net.{layer}"] for layer in ("0.weight", "0.bias", "2.weight", "2.bias")]
    pixels = w["pixels"][-count:] / 16
    codes = ss.batched(vqvae.distances, over="x")(quantizer, ss.context("float64").tensor(pixels))
    return Digits(
        autoencoder=autoencoder.Autoencoder(*layers),
        vae=vae.Model(vae_encoder, vae.Decoder(mlp("vae.decoder.0", ss.layers.sigmoid))),
        vqvae=quantizer,
        pixels=pixels,
        eps=w["eps"][-count:],
        labels=tuple(w["labels"][-count:].tolist()),
        codes=tuple(np.argmin(np.asarray(codes), axis=1).tolist()),
    )


@dataclass(frozen=True, eq=False)
class Term:
    """One loss term: a spec, and its arguments for a digit."""

    model: str
    name: str
    spec: Callable[..., ss.Tensor]
    args: tuple[Any, ...]


def terms(digits: Digits, i: int) -> list[Term]:
    """Every loss term of every model on held-out digit i."""
    x, eps, idx = digits.pixels[i], digits.eps[i], digits.codes[i]
    v, q, a = digits.vae, digits.vqvae, digits.autoencoder
    return [
        Term("VAE", "reconstruction", vae.reconstruction_loss, (v, x, eps)),
        Term("VAE", "KL", vae.kl_loss, (v, x)),
        Term("VAE", "loss, β = 1/32", vae.loss, (v, BETA_VAE, x, eps)),
        Term("VQ-VAE", "reconstruction", vqvae.reconstruction_loss, (q, x, idx)),
        Term("VQ-VAE", "codebook", vqvae.codebook_loss, (q, x, idx)),
        Term("VQ-VAE", "commitment", vqvae.commitment_loss, (q, x, idx)),
        Term("VQ-VAE", "loss, β = 1/4", vqvae.loss, (q, BETA_VQVAE, x, idx)),
        Term("autoencoder", "error", autoencoder.reconstruction_error, (a, x)),
    ]


@dataclass(frozen=True, eq=False)
class Row:
    """One term on one digit: its readings under each backend, and its bounds on a box around the digit."""

    term: Term
    readings: Comparison
    bounds: Bounds

    def cells(self) -> list[str]:
        """The row of the table."""
        shown = [str(self.readings[name]) for name in BACKENDS[:3]]
        refused = isinstance(self.readings["rational"].refusal, NotExact)
        exact = "refused: exp is irrational" if refused else str(self.readings["rational"])
        lower, upper = ss.endpoints(self.bounds.enclosure)
        return [self.term.model, self.term.name, *shown, exact, interval_text(lower.item(), upper.item(), 5)]

    def to_json(self) -> dict[str, Any]:
        """Plain data, exact values as strings."""
        head = {"model": self.term.model, "term": self.term.name}
        return {**head, "readings": self.readings.to_json(), "bounds": self.bounds.to_json()}


@dataclass(frozen=True)
class Agreement:
    """How the backends agree over many digits: counts of terms, of codes, and the widest relative enclosure."""

    digits: int
    terms: int
    float_inside: int
    rational_terms: int
    rational_inside: int
    codes_proved: int
    widest: Fraction

    def __str__(self) -> str:
        lines = [
            f"On {self.digits} held-out digits:",
            f"  float64 inside the enclosure rounded at each step   {self.float_inside} of {self.terms} terms",
            f"  exact value inside the tight enclosure              {self.rational_inside} of {self.rational_terms}",
            f"  nearest code proved in rationals                    {self.codes_proved} of {self.digits} digits",
            f"  widest tight enclosure at a point                   {float(self.widest):.1e} relative",
        ]
        return "\n".join(lines)

    @property
    def holds(self) -> bool:
        """Everything lies inside, and every code is the nearest."""
        inside = (self.float_inside, self.rational_inside) == (self.terms, self.rational_terms)
        return inside and self.codes_proved == self.digits

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "widest": str(self.widest)}


def agreement(digits: Digits, count: int, progress: Callable[[int], None] = lambda i: None) -> Agreement:
    """Check float64, interval and rational against each other on every term of the first `count` digits."""
    interval = ss.context("interval")
    contexts = [ss.context("float64"), interval.reference(), interval, ss.context("rational")]
    lifted = [_encoding_once(ss.lift(digits, context)) for context in contexts]
    outcomes, proved = [], 0
    for i in range(count):
        progress(i)
        outcomes += [_outcome(*rows) for rows in zip(*(terms(each, i) for each in lifted), strict=True)]
        exact = lifted[-1]
        proved += vqvae.check_code(exact.vqvae, exact.pixels[i], exact.codes[i]).status == "proved"
    inside, rational, widths = zip(*outcomes, strict=True)
    return Agreement(
        count,
        len(outcomes),
        sum(inside),
        sum(r is not None for r in rational),
        sum(r is True for r in rational),
        proved,
        max(widths),
    )


def _encoding_once(digits: Digits) -> Digits:
    """The same, whose encoders keep their last result: several terms of a digit start from its encoding."""
    v, q = digits.vae, digits.vqvae
    quantizer = replace(q, encoder=vqvae.Encoder(_Kept(q.encoder.forward)))
    return replace(digits, vae=replace(v, encoder=_Kept(v.encoder)), vqvae=quantizer)


@dataclass
class _Kept:
    """A function of a tensor, and its last result, which it gives again for the same tensor."""

    function: Callable[[Any], Any]
    tensor: Any = None
    result: Any = None

    def __call__(self, x: ss.Tensor) -> Any:
        if x is not self.tensor:
            self.tensor, self.result = x, self.function(x)
        return self.result


def _outcome(floating: Term, stepwise: Term, enclosed: Term, exact: Term) -> tuple[bool, bool | None, Fraction]:
    """Is float64 inside; is the exact value (None if there is none); how wide is the enclosure, relatively.

    A float belongs into the enclosure that is rounded outward at each step, as floats are rounded; the tight one, whose
    sums are rounded once, may leave it out. The exact value belongs into the tight one.
    """
    least, greatest = (end[()] for end in ss.endpoints(stepwise.spec(*stepwise.args)))
    lower, upper = (end[()] for end in ss.endpoints(enclosed.spec(*enclosed.args)))
    inside = bool(least <= Fraction(floating.spec(*floating.args).item()) <= greatest)
    width = (upper - lower) / upper if upper else Fraction(0)
    try:
        value = exact.spec(*exact.args).item()
    except NotExact:
        return inside, None, width
    return inside, bool(lower <= value <= upper), width


@dataclass(frozen=True, eq=False)
class Slice:
    """Two pixels and two hidden units of the autoencoder, and the KL of one latent, in closed form."""

    kl: str
    kl_gradient: str
    operations: int
    agrees: bool

    def __str__(self) -> str:
        equal = "equals" if self.agrees else "DIFFERS FROM"
        return "\n".join(
            [
                "Symbolic, on a small slice:",
                f"  KL of one latent     {self.kl}",
                f"  its gradient         {self.kl_gradient}",
                f"  autoencoder 2-2-2    {self.operations} operations; at this digit it {equal} the rational value",
            ]
        )


def symbolic_slice(digits: Digits, i: int) -> Slice:
    """The KL of one latent in closed form; the error of a 2-2-2 slice of the autoencoder, put against the rationals."""
    kl = ss.derive(ss.latent.diagonal_gaussian_kl_to_standard, ss.Dim(1), ss.Dim(1))
    gradient = [kl.gradient(name)[0] for name in kl.variables]
    m, centre, hidden = digits.autoencoder, slice(27, 29), slice(0, 2)
    small = autoencoder.Autoencoder(
        m.encoder_weights[hidden, centre],
        m.encoder_bias[hidden],
        m.decoder_weights[centre, hidden],
        m.decoder_bias[centre],
    )
    x = digits.pixels[i][centre]
    closed = ss.derive(autoencoder.reconstruction_error, small, x, wrt="x")
    context = closed.value.context
    at_digit = context.substitute(closed.value.scalars()[()], {f"x_{k}": Fraction(v) for k, v in enumerate(x)})
    exact = ss.compare(autoencoder.reconstruction_error, small, x, backends=["rational"])["rational"].value
    agrees = exact is not None and context.exact_value(at_digit) == exact.item()
    return Slice(str(kl), f"({', '.join(map(str, gradient))})", closed.operations, agrees)


@dataclass(frozen=True, eq=False)
class Report:
    """What the main job found on one digit, and over many."""

    digit: int
    label: int
    radius: Fraction
    rows: list[Row]
    slice: Slice
    agreement: Agreement
    picture: str

    def __str__(self) -> str:
        header = ["model", "term", *BACKENDS, f"bounds for |x - x₀| <= {self.radius}"]
        head = f"Held-out digit {self.digit}, a {self.label}: the digit, and its reconstructions\n"
        parts = [head + self.picture, table(header, [row.cells() for row in self.rows]), self.slice, self.agreement]
        return "\n\n".join(map(str, parts))

    def to_json(self) -> dict[str, Any]:
        """Plain data, exact values and end points as strings."""
        return {
            "digit": self.digit,
            "label": self.label,
            "radius": str(self.radius),
            "rows": [row.to_json() for row in self.rows],
            "slice": asdict(self.slice),
            "agreement": self.agreement.to_json(),
        }


def within(name: str, value: int, least: int, most: int) -> None:
    """Raises OutOfRange, naming the argument, unless a number is between two others."""
    if not least <= value <= most:
        raise OutOfRange(f"{name}: expected a number from {least} to {most}, got {value}")


def run(
    digit: int = 0, count: int = 25, radius: Any = "0.01", progress: Callable[[int], None] = lambda i: None
) -> Report:
    """Evaluate every term on one held-out digit, and check the agreement of the backends on the first `count`.

    Raises OutOfRange unless 0 <= digit < 100 and 1 <= count <= 100.
    """
    digits = load()
    within("digit", digit, 0, len(digits.codes) - 1)
    within("count", count, 1, len(digits.codes))
    region = ss.ball(radius)
    rows = [
        Row(
            term,
            ss.compare(term.spec, *term.args, backends=BACKENDS),
            ss.bounds(term.spec, *term.args, vary={"x": region}),
        )
        for term in terms(digits, digit)
    ]
    return Report(
        digit,
        digits.labels[digit],
        region.radius,
        rows,
        symbolic_slice(digits, digit),
        agreement(digits, count, progress),
        picture(digits, digit),
    )


def picture(digits: Digits, i: int) -> str:
    """The digit and its three reconstructions under float64, drawn with five shades."""
    d = ss.lift(digits, ss.context("float64"))
    x = d.pixels[i]
    images = {
        "digit": x,
        "VAE": vae.forward(d.vae, x, d.eps[i]),
        "VQ-VAE": vqvae.forward(d.vqvae, x, d.codes[i]),
        "autoencoder": autoencoder.forward(d.autoencoder, x),
    }
    drawn = [_drawing(np.asarray(image)) for image in images.values()]
    lines = ["    ".join(parts) for parts in zip(*drawn, strict=True)]
    return "\n".join(["    ".join(name.ljust(16) for name in images), *lines])


def _drawing(image: Array) -> list[str]:
    levels = np.clip(image * len(SHADES), 0, len(SHADES) - 1).astype(int).reshape(8, 8)
    return ["".join(SHADES[level] * 2 for level in row) for row in levels]

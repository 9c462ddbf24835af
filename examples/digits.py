"""The main job: three models, trained on 8x8 digits, evaluated on held-out digits under every backend.

`load()` gives the models on NumPy arrays and the held-out data; `run()` evaluates them, and its `Report` prints.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import itertools
import statistics
import time
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
from scalarspec.examples import by_hand
from scalarspec.models import autoencoder, vae, vqvae
from scalarspec.numbers.exact import interval_text
from scalarspec.report import table
from scalarspec.rounding_errors.crosscheck import Crosscheck

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

    The last 100 were held out from training.
    """
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
        return [self.term.model, self.term.name, *shown, exact, interval_text(self.bounds.lower, self.bounds.upper, 5)]

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
    lifted = [ss.lift(digits, context) for context in contexts]
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


def _within(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise OutOfRange(f"{name}: expected a number from {least} to {most}, got {value}")


def run(
    digit: int = 0, count: int = 100, radius: Any = "0.01", progress: Callable[[int], None] = lambda i: None
) -> Report:
    """Evaluate every term on one held-out digit, and check the agreement of the backends on the first `count`.

    Raises OutOfRange unless 0 <= digit < 100 and 1 <= count <= 100.
    """
    digits = load()
    _within("digit", digit, 0, len(digits.codes) - 1)
    _within("count", count, 1, len(digits.codes))
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


SWEPT = ("float64", "interval64", "rational")
BATCH = 128


@dataclass(frozen=True)
class SweptTerm:
    """One term on all digits: how many were refused over the rationals, lie inside, and how long each backend took.

    widest: the widest enclosure, relatively; seconds: by backend.
    """

    model: str
    term: str
    exact: int
    inside: int
    widest: Fraction
    seconds: dict[str, float]


@dataclass(frozen=True)
class Sweep:
    """Every term of every model on many digits, in batches, under float64, interval64 and rational."""

    digits: int
    rows: list[SweptTerm]

    @property
    def holds(self) -> bool:
        """Every exact value lies inside its enclosure."""
        return all(row.inside == row.exact for row in self.rows)

    def __str__(self) -> str:
        header = [
            "model",
            "term",
            "exact inside",
            "widest",
            *(f"{name}, s" for name in SWEPT),
            "/ float64",
            "/ float64",
        ]
        cells = [
            [
                row.model,
                row.term,
                f"{row.inside} of {row.exact}" if row.exact else "exp is irrational",
                f"{float(row.widest):.1e}",
                *(f"{row.seconds[name]:.4f}" for name in SWEPT[:2]),
                f"{row.seconds['rational']:.4f}" if row.exact else "",
                f"{row.seconds['interval64'] / row.seconds['float64']:.1f}",
                f"{row.seconds['rational'] / row.seconds['float64']:.1f}" if row.exact else "",
            ]
            for row in self.rows
        ]
        return f"{self.digits} digits, in batches of {BATCH}\n\n{table(header, cells)}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"digits": self.digits, "rows": [{**asdict(row), "widest": str(row.widest)} for row in self.rows]}


def sweep(count: int = ALL, progress: Callable[[int, int], None] = lambda done, total: None) -> Sweep:
    """Evaluate every term on the last `count` digits. Raises OutOfRange unless 1 <= count <= 1797."""
    _within("count", count, 1, ALL)
    digits = load(count)
    lifted = {name: ss.lift(digits, ss.context(name)) for name in SWEPT}
    first = {name: ss.lift(load(1), ss.context(name)) for name in SWEPT}  # what compiles does so before the clock runs
    rows, names = [], [(term.model, term.name) for term in terms(digits, 0)]
    for i, (model, name) in enumerate(names):
        progress(i, len(names))
        values, seconds = {}, {}
        for backend in SWEPT:
            _term_values(first[backend], i)
            start = time.perf_counter()
            values[backend] = _term_values(lifted[backend], i)
            seconds[backend] = time.perf_counter() - start
        rows.append(_swept(model, name, values, seconds))
    progress(len(names), len(names))
    return Sweep(count, rows)


def _term_values(digits: Digits, i: int) -> list[tuple[Array, ss.Tensor]] | None:
    """Term i on all digits: batches of indices, and its values there. None where it is refused as irrational."""
    found = []
    try:
        for batch in batches(digits, terms(digits, 0)[i].model):
            term, over = for_rows(digits, i, batch)
            found.append((batch, ss.batched(term.spec, over=over)(*term.args)))
    except NotExact:
        return None
    return found


def batches(digits: Digits, model: str, size: int = BATCH) -> list[Array]:
    """Batches of digits for a model: those of the VQ-VAE have one code, an argument that no batch goes over."""
    codes = np.array(digits.codes if model == "VQ-VAE" else [0] * len(digits.codes))
    groups = [np.flatnonzero(codes == code) for code in np.unique(codes)]
    return [group[start : start + size] for group in groups for start in range(0, len(group), size)]


def for_rows(digits: Digits, i: int, batch: Array) -> tuple[Term, list[str]]:
    """Term i for a batch of digits, and the names of the arguments that have a row for each."""
    term = terms(digits, int(batch[0]))[i]
    values = dict(zip(inspect.signature(term.spec).parameters, term.args, strict=True))
    rows = {"x": digits.pixels, "eps": digits.eps}
    over = [name for name in rows if name in values]
    values |= {name: _taken(rows[name], batch) for name in over}
    return replace(term, args=tuple(values.values())), over


def _taken(t: Any, rows: Array) -> Any:
    """Some rows of an array or a tensor: a slice where they are consecutive."""
    if isinstance(t, np.ndarray):
        return t[rows]
    if len(rows) == rows[-1] - rows[0] + 1:
        return t[int(rows[0]) : int(rows[-1]) + 1]
    return ss.stack(t[int(i)] for i in rows)


def _swept(model: str, name: str, values: dict[str, Any], seconds: dict[str, float]) -> SweptTerm:
    exact = inside = 0
    widest = Fraction(0)
    for k, (_, enclosed) in enumerate(values["interval64"]):
        lower, upper = ss.endpoints(enclosed)
        widest = max([widest, *((high - low) / high for low, high in zip(lower, upper, strict=True) if high)])
        if values["rational"] is not None:
            numbers = values["rational"][k][1].tolist()
            exact += len(numbers)
            inside += sum(low <= v <= high for low, v, high in zip(lower, numbers, upper, strict=True))
    return SweptTerm(model, name, exact, inside, widest, seconds)


@dataclass(frozen=True)
class CertifiedLoss:
    """The loss of one model by one library in one format, on many digits: its certified errors, in ulps.

    median, worst: of the greatest possible errors; digit: where the worst is; widest: the widest certified interval;
    explained: how many digits' losses, and all their stages, rounding explains.
    """

    model: str
    library: str
    dtype: str
    median: float
    worst: float
    digit: int
    widest: float
    explained: int


@dataclass(frozen=True)
class Certificates:
    """The losses of NumPy and PyTorch beside exact values, on many digits."""

    digits: int
    rows: list[CertifiedLoss]

    @property
    def holds(self) -> bool:
        """Is every error known to 1/100 ulp, and explained by rounding?"""
        return all(row.explained == self.digits and row.widest <= 1 / 100 for row in self.rows)

    def __str__(self) -> str:
        header = ["model", "by", "format", "ulps, median", "worst", "at digit", "known to", "rounding explains"]
        cells = [
            [
                row.model,
                row.library,
                row.dtype,
                f"{row.median:.3f}",
                f"{row.worst:.3f}",
                str(row.digit),
                f"{row.widest:.1e} ulp",
                f"{row.explained} of {self.digits}",
            ]
            for row in self.rows
        ]
        return f"Certified errors of losses on {self.digits} held-out digits\n\n{table(header, cells)}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"digits": self.digits, "rows": [asdict(row) for row in self.rows]}


def certify(count: int = HELD_OUT, progress: Callable[[int, int], None] = lambda done, total: None) -> Certificates:
    """Cross-check the losses by hand (`by_hand.py`), in NumPy and, where installed, PyTorch, on `count` digits.

    Raises OutOfRange unless 1 <= count <= 100.
    """
    _within("count", count, 1, HELD_OUT)
    digits = load()
    libraries = ["NumPy"] + (["PyTorch"] if importlib.util.find_spec("torch") else [])
    ways = list(itertools.product(by_hand.LOSSES, libraries, ("float32", "float64")))
    rows = []
    for k, (model, library, dtype) in enumerate(ways):
        found = []
        for i in range(count):
            progress(k * count + i, len(ways) * count)
            found.append(certified(digits, i, model, library, dtype))
        worst = max(range(count), key=lambda i: found[i].max_ulps)
        widest = max(float(r.ulps[1] - r.ulps[0]) for r in found)
        median = statistics.median(r.max_ulps for r in found)
        explained = sum(r.explained for r in found)
        rows.append(CertifiedLoss(model, library, dtype, median, found[worst].max_ulps, worst, widest, explained))
    progress(len(ways) * count, len(ways) * count)
    return Certificates(count, rows)


def certified(digits: Digits, i: int, model: str, library: str, dtype: str) -> Crosscheck:
    """The loss of one model on digit i, written by hand, against the spec at the same arguments of that format."""
    term = next(t for t in reversed(terms(digits, i)) if t.model == model)
    args = [arg.astype(dtype) if isinstance(arg, np.ndarray) else arg for arg in term.args]
    lib = by_hand.LIBRARIES[library](dtype)
    return ss.crosscheck(term.spec, *args, actual=functools.partial(by_hand.LOSSES[model], lib))


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

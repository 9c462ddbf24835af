"""Passes backwards: rows of affine inequalities, from a value to the inputs. See `linear`, which says what is done."""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from scalarspec.bounding.affine_forms import Form, flat
from scalarspec.bounding.plan import FLOAT, PRODUCTS, summands
from scalarspec.bounding.univariate import FUNCTIONS, KINKED, Lines
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.numbers.elementary import TINY, U
from scalarspec.tracing.batched import BatchedContext
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation
from scalarspec.tracing.vjp_rules import RULES, unbroadcast

if TYPE_CHECKING:
    from scalarspec.bounding.linear import Relaxation

Array = np.ndarray[Any, Any]
CORNERS = 3
"""So often the corner is corrected at which a quadratic form should be least."""
NEGLIGIBLE = 0.1
"""Lines are tried as well where a quadratic form loses more than so much of what curves."""


class Rows:
    """Rows of an inequality on the way back: <w, y> >= Σ <coefficients[v], v> + constant - lost.

    quadratic: smooth functions give way to their tangents and a rest that is quadratic in the inputs, where that pays.
    shares: for each row, how much of the coefficient of a clipped value's function is put on the clip (a Lagrange
    multiplier). rests: did anything stand beside tangents, for which lines might do better?
    """

    def __init__(
        self,
        over: Relaxation,
        x: Traced,
        weights: Array,
        before: int,
        quadratic: bool = False,
        shares: Array | None = None,
    ) -> None:
        self.over, self.plan, self.quadratic = over, over.plan, quadratic
        self.count = len(weights)
        self.shares = np.zeros(self.count) if shares is None else shares
        self.rests = False
        self.floats = BatchedContext(FLOAT, over.count * self.count)
        self.constant, self.lost = np.zeros((2, over.count, self.count))
        self.broken = np.zeros((over.count, self.count), dtype=bool)
        self.gaps: dict[int, Array] = {}
        self.bent: list[tuple[Form, Array, Array]] = []
        self.coefficients = {x: np.broadcast_to(weights, (over.count, *weights.shape))}
        self.walk(before)

    def walk(self, before: int) -> None:
        """Back to the inputs."""
        for i in range(before - 1, -1, -1):
            eqn = self.plan.equations[i]
            g = self.coefficients.pop(eqn.result, None)
            if g is not None:
                self.through(eqn, g, i)
        inputs = self.plan.inputs
        for v in [v for v in self.coefficients if v not in inputs]:
            self.replaced(v, self.coefficients.pop(v))
        found = [self.coefficients.get(x, np.zeros((self.over.count, self.count, *x.shape))) for x in inputs]
        self.slopes = flat(found, 2)
        for x, g in zip(inputs, found, strict=True):
            self.spend(g, self.over.range(x).size)

    def through(self, eqn: Equation, g: Array, i: int) -> None:
        """A value gives way to the operands that it was made of."""
        if self.plan.linear(eqn):
            self._by_rule(eqn, g)
        elif eqn.operation in PRODUCTS:
            self._by_planes(eqn, g)
        elif eqn.operation in FUNCTIONS:
            self._by_lines(eqn, g, i)
        else:
            self.replaced(eqn.result, g)

    def replaced(self, v: Traced, g: Array) -> None:
        """A value gives way to its range."""
        r = self.over.range(v)
        self.constant = self.constant + dot(g, r.middle) - dot(np.abs(g), r.radius)
        self.spend(g, r.size)

    def spend(self, g: Array, size: Array, *operands: Array) -> None:
        """What rounding may have cost: see above. Rows in which something unbounded counts say nothing.

        operands: the sizes of what has new coefficients, which may have underflowed.
        """
        known = np.isfinite(size)
        if not known.all():
            self.spoil((g != 0) & ~known[:, None])
            size = np.where(known, size, 0.0)
        n = 2 * prod(size.shape[1:]) + len(self.plan.equations) + 16
        self.lost = self.lost + (1.25 * n * U) * dot(np.abs(g), size)
        small = sum(np.where(np.isfinite(a), a, 0.0).reshape(len(a), -1).sum(axis=1) for a in (size, *operands))
        self.lost = self.lost + TINY * (1 + small)[:, None]

    def spoil(self, where: Array) -> None:
        """Rows that say nothing."""
        self.broken |= where.reshape(*where.shape[:2], -1).any(axis=-1)

    def add(self, x: Traced, cotangent: Array) -> None:
        """More coefficients of a value."""
        known = self.coefficients.get(x)
        self.coefficients[x] = cotangent if known is None else known + cotangent

    # ---- the three kinds --------------------------------------------------------------------------------------------

    def _by_rule(self, eqn: Equation, g: Array) -> None:
        """<g, L a + c> = <Lᵀ g, a> + <g, c>, by the rule for the gradient."""
        points = [self.plan.point(x) if self.plan.known(x) else _placeholder(x.shape) for x in eqn.operands]
        self._handed(eqn, g, points, summands(eqn))
        self.spend(g, self.over.size(eqn), *(self.over.range(x).size for x in eqn.operands))

    def _by_planes(self, eqn: Equation, g: Array) -> None:
        """a b = a b₀ + a₀ b - a₀ b₀ + (a - a₀) (b - b₀), with points a₀ and b₀ in the middle."""
        ranges = [self.over.range(x) for x in eqn.operands]
        self._handed(eqn, g, [self._repeated(r.middle) for r in ranges], range(len(ranges)))
        at_middle = self.over.product(eqn, [r.middle for r in ranges])
        rest = self.over.product(eqn, [r.radius for r in ranges])
        self.constant = self.constant - dot(g, at_middle) - dot(np.abs(g), rest)
        self.spend(g, 4 * self.over.size(eqn), *(r.size for r in ranges))

    def _handed(self, eqn: Equation, g: Array, operands: list[Tensor], used: range) -> None:
        """The shares of the operands, by the rule for the gradient; those of known numbers go into the constant."""
        adjoint = Tensor(self.floats, eqn.result.shape, self._traced(g, eqn.result.shape))
        shares = RULES[eqn.operation](adjoint, _placeholder(eqn.result.shape), *operands, **eqn.parameters)
        for i, (x, cotangent) in enumerate(zip(eqn.operands, shares, strict=True)):
            if cotangent is None or (self.plan.known(x) and i not in used):
                continue
            found = self.floats.arrays.spread(unbroadcast(cotangent(), x.shape).value)
            found = found.reshape(self.over.count, self.count, *x.shape)
            if self.plan.known(x):
                self.constant = self.constant + dot(found, self.over.range(x).middle)
            else:
                self.add(x, found)

    def _traced(self, g: Array, shape: Shape) -> Traced:
        return Traced(shape, np.ascontiguousarray(g).reshape(self.floats.size, *shape))

    def _repeated(self, a: Array) -> Tensor:
        """One array for each box, as a tensor for each row."""
        shape = Shape(a.shape[1:])
        full = np.broadcast_to(a[:, None], (self.over.count, self.count, *shape))
        return Tensor(self.floats, shape, self._traced(full, shape))

    def _by_lines(self, eqn: Equation, g: Array, i: int) -> None:
        """g f(t) >= (g⁺ low_slope + g⁻ high_slope) t + g⁺ low + g⁻ high."""
        (x,) = eqn.operands
        found = self.over.lines(eqn)
        if self.quadratic and eqn.operation not in KINKED:
            found = self._bend(eqn, g, i, found)
        low, high = found.low, found.high
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            self.spoil((g > 0) & ~np.isfinite(low)[:, None] | (g < 0) & ~np.isfinite(high)[:, None])
            low, high = (np.where(np.isfinite(line), line, 0.0) for line in (low, high))
        size, middle = np.abs(g), low / 2 + high / 2
        self.constant = (
            self.constant + dot(g, middle) - dot(size, np.maximum(high - middle, middle - low) * (1 + 4 * U))
        )
        slope, turn = found.low_slope / 2 + found.high_slope / 2, found.high_slope / 2 - found.low_slope / 2
        slopes = g * slope[:, None]
        if turn.any():
            slopes -= size * turn[:, None]
        steepest = np.maximum(np.abs(found.low_slope), np.abs(found.high_slope))
        sloped = np.where(steepest > 0, self.over.range(x).size, 0.0)
        self.spend(g, 4 * (steepest * sloped + np.maximum(np.abs(low), np.abs(high))), sloped)
        self.add(x, slopes)
        if eqn.operation in KINKED and x in self.plan.place:
            r = self.over.range(x)
            crossing = (r.low < 0) & (r.high > 0)
            gap = np.where(crossing, r.low * r.high / np.where(crossing, r.low - r.high, 1.0), 0.0)
            self.gaps[self.plan.place[x]] = size * gap[:, None]
        if x in self.over.clipped and self.shares.any():
            self._hold(x, self.shares.reshape(-1, *(1,) * (size.ndim - 2)) * size)

    def _hold(self, x: Traced, weight: Array) -> None:
        """In the part of the box where v >= c, less weight (v - c) is a lower bound still; and so for v <= c."""
        for sign, c in zip((-1, 1), self.over.clipped[x], strict=True):
            held = np.where(np.isfinite(c)[:, None], weight, 0.0)
            c = np.where(np.isfinite(c), c, 0.0)
            self.add(x, sign * held)
            self.constant = self.constant - sign * dot(held, c)
            self.spend(held, self.over.range(x).size + np.abs(c))

    def _bend(self, eqn: Equation, g: Array, i: int, plain: Lines) -> Lines:
        """Tangents, with κ (t - m)² beside them, where t is affine in the inputs but for a small rest."""
        (x,) = eqn.operands
        if not self.over.affordable(x) or self.over.range(x).finite is not None:
            return plain
        form = self.over.form(x, i)  # which may narrow the range, in whose middle the tangent is
        r, tangent, least, most = self.over.tangent(eqn)
        middle, radius, least, most = (flat([a], 1) for a in (r.middle, r.radius, least, most))
        rest = np.maximum(np.abs(form.rest_low - middle), np.abs(form.rest_high - middle)) * (1 + 4 * U)
        reach = form.reach
        spare = (2 * reach + rest) * rest * (1 + 8 * U)
        known = np.isfinite(least) & np.isfinite(most) & (radius > 0) & (spare <= radius**2 / 2)
        known &= flat([np.isfinite(tangent.low) & np.isfinite(tangent.high)], 1)
        rows = flat([g], 2)
        least, most, spare = (np.where(known, a, 0.0)[:, None] for a in (least, most, spare))
        bends = np.minimum(rows * least, rows * most) / 2
        bends = bends - 4 * U * np.abs(bends) - TINY * (rows != 0)
        self.bent.append((form, np.where(known[:, None], bends, 0.0), reach))
        beside = (np.abs(bends) * spare).sum(axis=-1)
        self.lost = self.lost + (1 + 64 * len(middle[0]) * U) * beside
        self.rests |= bool(np.any(beside > NEGLIGIBLE * (np.abs(bends) * reach[:, None] ** 2).sum(axis=-1)))
        self.rests |= not known.all()
        chosen = known.reshape(r.middle.shape)
        pairs = zip(vars(tangent).values(), vars(plain).values(), strict=True)
        return Lines(*(np.where(chosen, a, b) for a, b in pairs))

    # ---- the end ----------------------------------------------------------------------------------------------------

    def least(self) -> Array:
        """Lower bounds of <w, y>, for each box and row; NaN where none is found."""
        at_middle, spread = self.at_middle, self.over.spread(self.slopes)
        value, lost = self._bent_least(spread) if self.bent else (-spread, self.lost)
        best = at_middle + value - lost - 16 * U * (np.abs(at_middle) + np.abs(value) + lost)
        return np.where(self.broken | ~np.isfinite(best), np.nan, best)

    @cached_property
    def at_middle(self) -> Array:
        """The affine function at the middle of the box."""
        return self.constant + dot(self.slopes, self.over.middle)

    def _bent_least(self, spread: Array) -> tuple[Array, Array]:
        """Of c δ + Σ κ (J δ)² over |δ| <= ρ: about what, and by how much less it can be, all that was lost included.

        At a corner δ*, with s = -sign δ*, the function at δ* + s t, for t in [0, 2ρ], is larger than there by
        Σ t (s (c + 2 Jᵀ κ J δ*)) + Σ κ (J s t)², and the last is at least -Σ t h with h = 2 Σ κ⁻ r |J|, r = |J| ρ.
        """
        radius, c = self.over.radius[:, None], self.slopes
        if self.over.balls:  # no corners: each κ (J δ)² for itself
            value = -spread + sum((np.minimum(bends, 0) * (r**2)[:, None]).sum(axis=-1) for _, bends, r in self.bent)
            excess = np.zeros(value.shape)
        else:
            value, excess = self._at_corner(radius, c)
        curved = sum((np.abs(bends) * (reach**2)[:, None]).sum(axis=-1) for _, bends, reach in self.bent)
        self.rests |= bool(np.any(excess > NEGLIGIBLE * curved))
        terms = spread + curved
        n = c.shape[-1] + sum(bends.shape[-1] for _, bends, _ in self.bent)
        tiny = TINY * n * (1 + sum((np.abs(bends) * reach[:, None]).sum(axis=-1) for _, bends, reach in self.bent))
        return value, self.lost + excess + (64 * n + 256) * U * terms + tiny

    def _at_corner(self, radius: Array, c: Array) -> tuple[Array, Array]:
        """The function's value at a corner where it should be least, and by how much less it can be elsewhere."""
        turn = np.where(c >= 0, 1.0, -1.0)
        for _ in range(CORNERS):
            corner = -turn * radius
            moves = [(corner @ form.slopes.swapaxes(1, 2), form, bends) for form, bends, _ in self.bent]
            gradient = c + 2 * sum((bends * move) @ form.slopes for move, form, bends in moves)
            turn, before = np.where(gradient >= 0, 1.0, -1.0), turn
        gradient = before * gradient
        value = (c * corner).sum(axis=-1) + sum((bends * move**2).sum(axis=-1) for move, _, bends in moves)
        against = 2 * sum(
            (np.maximum(-bends, 0) * reach[:, None]) @ np.abs(form.slopes) for form, bends, reach in self.bent
        )
        return value, (2 * radius * np.maximum(against - gradient, 0.0)).sum(axis=-1)

    def form(self) -> Form:
        """Of a value whose rows of + and - the unit matrix these are."""
        half = self.count // 2
        least, n = self.least(), self.slopes.shape[-1]
        rising, falling = self.slopes[:, :half], -self.slopes[:, half:]
        slopes = (rising + falling) / 2
        known = np.isfinite(slopes)
        slopes = np.where(known, slopes, 0.0)
        radius = self.over.radius[:, None]
        ends = []
        for k, of, sign in ((slice(half), rising, 1), (slice(half, None), falling, -1)):
            spread = self.over.spread(sign * (of - slopes))
            sizes = ((np.abs(of) + np.abs(slopes)) * radius).sum(axis=-1) + np.abs(self.at_middle[:, k])
            end = self.at_middle[:, k] - spread - self.lost[:, k] - (4 * n + 64) * U * (sizes + self.lost[:, k])
            ends.append(np.where(self.broken[:, k] | ~known.all(axis=-1), np.nan, end))
        return Form(slopes, self.over.reach(slopes), ends[0], -ends[1], least[:, :half], -least[:, half:])


def _placeholder(shape: Shape) -> Tensor:
    """A tensor of whose numbers no rule makes use."""
    return Tensor(FLOAT, shape, np.broadcast_to(np.nan, shape))


def dot(rows: Array, a: Array) -> Array:
    """Of each row with the array of its box: (boxes, rows)."""
    return np.asarray((flat([rows], 2) @ flat([a], 1)[..., None])[..., 0])

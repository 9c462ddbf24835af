"""The exact value of a number that comes from outside, and exact values as text.

Literals (a constant written in a spec) and data (arrays, arguments of a job) differ in one point: a Python float
as a literal must be the number that it prints, since `0.1` in a formula means one tenth and the float is not that.
"""

import decimal
import math
import numbers
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np

from scalarspec.errors import ArgumentError, DomainError, NotExact, ShapeError, TooLarge
from scalarspec.numbers.dyadic import fraction
from scalarspec.numbers.foreign import NUMBERS, of_numbers

T = TypeVar("T")
End = Fraction | float
"""An end point of an interval: a Fraction, or one of the two infinities as a float."""

SHORT, SHORT_32 = 15, 7
"""The decimals that people write have so many digits at most: every one of them survives the way through a float64, or
a float32, so that a float which needs more was computed, or copied from a computation."""

CONSTANTS = {
    math.pi: ("π", "ss.pi(x.context)"),
    math.tau: ("2π", "2 * ss.pi(x.context)"),
    math.pi / 2: ("π/2", "ss.pi(x.context) / 2"),
    math.e: ("e", "ss.exp(x.context.tensor(1))"),
}
"""Floats that are written for irrational numbers: what they are called, and how they are written in a spec."""

DECIMAL_EXPONENT_LIMIT = 400_000
"""Decimals beyond 10**±this are refused: their exact value would fill the memory."""


def literal_value(number: Any) -> Fraction:
    """The exact value of a constant in a spec: an int, Fraction, Decimal, string, or a float that is what it prints."""
    value = data_value(number)
    if isinstance(number, float | np.floating) and Fraction(printed(number)) != value:
        text = printed(number)
        what, written = _meaning(number, text)
        raise NotExact(
            f"{text} is {what}; write {written}, or context.tensor({text}) for the float as data; "
            'literals="binary", of a job or of ss.as_spec, reads all floats of the code as what they are'
        )
    return value


def _meaning(number: Any, text: str) -> tuple[str, str]:
    """What a float that is not what it prints was meant for, by its digits, and how that is written exactly."""
    if not is_computed(number, text):
        in_decimal = f'Fraction({_arguments(text)}) or "{text}" for the decimal'
        return f"not exactly {_simplest(text)} in binary", in_decimal
    for constant, (name, written) in CONSTANTS.items():
        if type(number)(constant) == number:
            return f"not exactly {name}", written
    example = "Fraction(1, 3) or ss.sqrt(x.context.tensor(2))"
    return "rounded, by its digits", f'what was rounded, such as {example}, "{text}" for the decimal'


def is_computed(number: Any, text: str) -> bool:
    """Was a float, by the digits that it prints, rounded by floats before any tensor met it?"""
    digits = text.lower().partition("e")[0].replace(".", "").lstrip("-0")
    return len(digits) > (SHORT if isinstance(number, float) or number.dtype.itemsize >= 8 else SHORT_32)


def data_value(number: Any) -> Fraction:
    """The exact value of a datum: floats of every width at their binary value, decimal strings at their decimal one."""
    if isinstance(number, bool | np.bool_):
        raise ArgumentError(f"expected a number, got the truth value {number}")
    if isinstance(number, numbers.Rational) and not isinstance(number, np.timedelta64):  # which NumPy has as an integer
        return Fraction(int(number.numerator), int(number.denominator))
    if isinstance(number, str):
        return _from_text(number)
    if isinstance(number, Decimal):
        return _from_decimal(number)
    if isinstance(number, float | np.floating):
        if not np.isfinite(number):
            raise DomainError(f"{printed(number)} is not a real number; only the float contexts compute with it")
        return Fraction(*number.as_integer_ratio())
    if hasattr(number, "_mpf_"):
        return mpf_value(number._mpf_)
    if hasattr(number, "__array__") and getattr(number, "shape", None) == () and not isinstance(number, np.generic):
        return data_value(of_numbers(number)[()])
    raise ArgumentError(
        f"expected a number (int, Fraction, Decimal, float or a string such as '0.1'), "
        f"got {type(number).__name__}: {number!r}"
    )


def mpf_value(raw: tuple[Any, ...]) -> Fraction:
    """The value of mpmath's raw (sign, mantissa, exponent, bitcount)."""
    sign, mantissa, exponent, _ = raw
    if not mantissa and exponent:
        raise DomainError("an mpmath infinity or NaN is not a real number")
    return fraction(-int(mantissa) if sign else int(mantissa), exponent)


def printed(number: Any) -> str:
    """The shortest decimal that reads back as a float of its format."""
    return float.__repr__(number) if isinstance(number, float) else str(number)


def _simplest(text: str) -> str:
    return str(Fraction(text)) if "e" not in text else text


def _arguments(text: str) -> str:
    value = Fraction(text)
    return f"{value.numerator}, {value.denominator}" if "e" not in text else f'"{text}"'


def _whole(text: str) -> int:
    """A whole number, of any length: Python's own int stops at 4300 digits."""
    stripped = text.strip()
    if not stripped.lstrip("+-").isdecimal():
        raise ValueError(text)
    return int(Decimal(stripped))


def _from_text(text: str) -> Fraction:
    try:
        if "/" in text:
            numerator, denominator = text.split("/")
            return Fraction(_whole(numerator), _whole(denominator))
        return _from_decimal(Decimal(text))
    except (ValueError, decimal.InvalidOperation, ZeroDivisionError):
        raise ArgumentError(f"expected a number such as '0.1' or '1/3', got the string {text!r}") from None


def _from_decimal(number: Decimal) -> Fraction:
    if not number.is_finite():
        raise DomainError(f"{number} is not a real number; only the float contexts compute with it")
    exponent = number.as_tuple().exponent
    if max(abs(number.adjusted()), abs(int(exponent))) > DECIMAL_EXPONENT_LIMIT:
        raise TooLarge(f"{number} lies beyond 10**±{DECIMAL_EXPONENT_LIMIT}, the limit on decimals")
    return Fraction(number)


def as_numbers(data: Any) -> Any:
    """An array of bools, NumPy's or PyTorch's, as the integers that it is beside numbers; other data as it is."""
    return np.asarray(data).astype(int) if "bool" in str(getattr(data, "dtype", "")) else data


def as_array(data: Any) -> np.ndarray[Any, Any]:
    """Nested lists, or anything that NumPy reads, as an array whose elements are numbers.

    Raises ShapeError on ragged lists, ArgumentError for arrays of anything but numbers (see `numbers.foreign`). NumPy
    arrays of numbers pass as they are; lists become object arrays, so that no element is converted on the way.
    """
    if type(data) is np.ndarray and data.dtype.kind in NUMBERS:
        return data
    if hasattr(data, "__array__") and not isinstance(data, np.generic):
        return of_numbers(data)
    if isinstance(data, list | tuple | range):
        return _nested(list(data))
    return boxed(data)


def exact_end(value: Any) -> End:
    """An end of a range: an infinity as a float, any other number at its exact value."""
    return float(value) if isinstance(value, float | np.floating) and np.isinf(value) else data_value(value)


IN_SPEC = "data in the spec"
"""How messages call arrays that a spec sees beside its arguments, or makes itself."""


def told_where(name: str, data: Any, make: Callable[[Any], T], read: Callable[[Any], Any] = data_value) -> T:
    """What a function makes of data. Its DomainError then says which number is none: the first one in these data that
    `read` refuses, by the argument's name and its index.
    """
    try:
        return make(data)
    except DomainError:
        for index, number in np.ndenumerate(as_array(data)):
            try:
                read(number)
            except DomainError as error:
                raise DomainError(f"{name}{list(index) if index else ''}: {error}") from None
        raise


def holds_floats(array: np.ndarray[Any, Any]) -> bool:
    """Are all of its numbers float64s, whatever the type that it holds them in?"""
    kind, size = array.dtype.kind, array.dtype.itemsize
    fits = (kind == "f" and size <= 8) or (kind in "iu" and size <= 4)
    return fits and bool(np.logical_and.reduce(np.isfinite(array), axis=None))


def boxed(item: Any) -> np.ndarray[Any, Any]:
    """One object as an array of shape (), whatever it is."""
    array = np.empty((), dtype=object)
    array[()] = item
    return array


def _nested(items: list[Any]) -> np.ndarray[Any, Any]:
    parts = [as_array(item) for item in items]
    if len({part.shape for part in parts}) > 1:
        shapes = ", ".join(str(part.shape) for part in parts[:4])
        raise ShapeError(f"expected nested lists of equal lengths, got elements of shapes {shapes}")
    inner = parts[0].shape if parts else ()
    array = np.empty((len(parts), *inner), dtype=object)
    for i, part in enumerate(parts):
        array[i, ...] = part
    return array


def exact_float(x: float) -> End:
    """The exact value of a float; NaN and infinities as they are."""
    return Fraction(*x.as_integer_ratio()) if math.isfinite(x) else float(x)


def float_below(value: End) -> float:
    """The largest float64 that is at most `value`."""
    if isinstance(value, float):
        return value
    try:
        nearest = value.numerator / value.denominator
    except OverflowError:
        nearest = math.inf if value > 0 else -math.inf
    exceeds = nearest == math.inf or (nearest != -math.inf and _greater(nearest, value))
    return math.nextafter(nearest, -math.inf) if exceeds else nearest


def _greater(x: float, value: Fraction) -> bool:
    """Is a finite float greater? Without the Fraction of it, which takes longer."""
    numerator, denominator = x.as_integer_ratio()
    return numerator * value.denominator > denominator * value.numerator


def float_above(value: End) -> float:
    """The smallest float64 that is at least `value`."""
    return 0.0 - float_below(-value)


def infinite(*ends: End) -> bool:
    """Is one of the ends an infinity?"""
    return any(isinstance(end, float) for end in ends)


def decimal_text(value: End, digits: int = 17, rounding: str = decimal.ROUND_HALF_EVEN) -> str:
    """`value` in decimal with that many significant digits, rounded as the decimal module's mode says."""
    if isinstance(value, float):
        return str(value)
    context = decimal.Context(prec=digits, rounding=rounding, Emin=-999_999_999, Emax=999_999_999)
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > LONG_BITS:
        quotient = _of_long(value, digits, context)
    else:
        quotient = context.divide(Decimal(value.numerator), Decimal(value.denominator))
    text = str(quotient)
    return text.rstrip("0").rstrip(".") if "." in text and "E" not in text else text


LONG_BITS = 1 << 15
"""Longer integers are not turned into decimals digit by digit, which takes a second for a million bits."""


def _of_long(value: Fraction, digits: int, context: decimal.Context) -> Decimal:
    """A number of long parts, rounded as the context says, by their foremost bits.

    With b = 4 digits + 80 bits of each part, their quotient is off by 2^(3-b) relatively, and the power of two by less
    than 10^-(digits + 20): less than 10^-(digits + 18) in all, by which the number is first moved in the direction of
    the rounding.
    """
    work = decimal.Context(prec=digits + 25, Emin=-999_999_999, Emax=999_999_999)
    bits, parts, shifts = 4 * digits + 80, [], []
    for part in (abs(value.numerator), value.denominator):
        shifts.append(max(0, part.bit_length() - bits))
        parts.append(Decimal(part >> shifts[-1]))
    power = work.power(2, abs(shifts[0] - shifts[1]))
    quotient = work.divide(*parts)
    quotient = work.multiply(quotient, power) if shifts[0] >= shifts[1] else work.divide(quotient, power)
    quotient = -quotient if value < 0 else quotient
    aside = work.multiply(work.abs(quotient), work.power(10, -digits - 18))
    if context.rounding == decimal.ROUND_FLOOR:
        quotient = work.subtract(quotient, aside)
    elif context.rounding == decimal.ROUND_CEILING:
        quotient = work.add(quotient, aside)
    return context.plus(quotient)


def interval_text(lower: End, upper: End, digits: int = 17) -> str:
    """`[lower, upper]` in decimal, rounded outward: the text encloses what the end points enclose."""
    low = decimal_text(lower, digits, decimal.ROUND_FLOOR)
    high = decimal_text(upper, digits, decimal.ROUND_CEILING)
    return f"[{low}, {high}]"


def exact_text(value: End) -> str:
    """`p/q`, `p`, or `inf`: the exact value, whatever its size (Python's own str stops at 4300 digits)."""
    if isinstance(value, float):
        return str(value)
    numerator, denominator = (format(Decimal(part), "f") for part in value.as_integer_ratio())
    return numerator if denominator == "1" else f"{numerator}/{denominator}"


def integer_root(n: int, degree: int) -> int:
    """The largest integer whose `degree`-th power is at most n >= 0, by Newton's iteration from above."""
    if degree == 2:
        return math.isqrt(n)
    if n < 2 or degree >= n.bit_length():
        return min(n, 1)
    guess = 1 << -(-n.bit_length() // degree)
    while True:
        better = ((degree - 1) * guess + n // guess ** (degree - 1)) // degree
        if better >= guess:
            return guess
        guess = better


def difference_ends(x: Any, c: Any) -> tuple[Any, Any]:
    """The ends of x - c for an array x of floats, or of Fractions, beside infinities: exact for Fractions, else the
    floats next to it, which are the same where it is one.

    With h a float next to c, x - h = s + e exactly (Knuth's two-sum; Dekker 1971), so x - c = s + (e - rest) for
    rest = c - h, and s is at most that where e >= rest. The float next to s in the direction of the other end is on the
    other side of it, as long as |e| + |rest| is less than the distance between s and its neighbours. Where it is not,
    or floats overflow, numbers are subtracted one by one.
    """
    if not c:
        return x, x
    if x.dtype == object:
        exact = np.array(
            [a if isinstance(a, float) and math.isinf(a) else data_value(a) - c for a in x.flat], dtype=object
        ).reshape(x.shape)
        return exact, exact
    h = float_below(c)
    rest = Fraction(c) - Fraction(h) if math.isfinite(h) else Fraction(0)
    least, most = float_below(rest), float_above(rest)
    with np.errstate(over="ignore", invalid="ignore"):
        s = x - h
        t = s - x
        e = (x - (s - t)) - (h + t)
        low, high = np.where(e >= most, s, np.nextafter(s, -np.inf)), np.where(e <= least, s, np.nextafter(s, np.inf))
        sure = np.abs(e) + max(-least, most) < np.spacing(np.nextafter(np.abs(s), 0.0))
    for place in map(tuple, np.argwhere(~sure)):
        number = exact_float(x[place])
        low[place], high[place] = (number, number) if isinstance(number, float) else _rounded_outward(number - c)
    return low, high


def _rounded_outward(value: End) -> tuple[float, float]:
    return float_below(value), float_above(value)

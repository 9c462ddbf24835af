"""What is refused, by name, and why: all else of the table of operations holds under every reading."""

SIZED = "matrix_form takes sizes as variables, and specs of these name theirs"
NO_RULE = "the checker of certificates has no rule for these, nor for what they are made of"
UNCHECKED = (
    "acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos digamma equal erf erfc floor gelu gelu_tanh "
    "heaviside less less_equal lgamma log_ndtr logical_and logical_not logical_or pi pow remainder round sign sin tan "
    "trunc where"
)
TRIGAMMA = "its derivative is no operation here"
REFUSED = {
    ("reshape", "matrix"): SIZED,
    ("broadcast_to", "matrix"): SIZED,
    **{(name, "certified"): NO_RULE for name in UNCHECKED.split()},
    ("digamma", "mean_value"): TRIGAMMA,
    ("digamma", "gradient"): TRIGAMMA,
    ("digamma", "tolerance_exact"): TRIGAMMA,
    ("digamma", "tolerance_rounded"): TRIGAMMA,
}
"""By operation and reading, the reason of the refusal."""

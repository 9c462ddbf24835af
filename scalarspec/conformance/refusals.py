"""What is refused, by name, and why: all else of the table of operations holds under every reading."""

SIZED = "matrix_form takes sizes as variables, and these specs name theirs"
TRIGAMMA = "the derivative of digamma is no operation here"
REFUSED = {
    ("reshape", "matrix"): SIZED,
    ("broadcast_to", "matrix"): SIZED,
    ("digamma", "mean_value"): TRIGAMMA,
    ("digamma", "gradient"): TRIGAMMA,
    ("digamma", "tolerance_exact"): TRIGAMMA,
    ("digamma", "tolerance_rounded"): TRIGAMMA,
}
"""By operation and reading, the reason of the refusal."""

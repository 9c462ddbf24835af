"""The functions of the array API standard, version 2024.12, by its sections; and why some are not here.

Source: data-apis.org/array-api/2024.12/API_specification.
"""

from __future__ import annotations

SECTIONS = {
    "Element-wise functions": """
        abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_invert bitwise_or
        bitwise_right_shift bitwise_xor ceil clip conj copysign cos cosh divide equal exp expm1 floor floor_divide
        greater greater_equal hypot imag isfinite isinf isnan less less_equal log log1p log2 log10 logaddexp logical_and
        logical_not logical_or logical_xor maximum minimum multiply negative nextafter not_equal positive pow real
        reciprocal remainder round sign signbit sin sinh square sqrt subtract tan tanh trunc""",
    "Manipulation functions": """
        broadcast_arrays broadcast_to concat expand_dims flip moveaxis permute_dims repeat reshape roll squeeze stack
        tile unstack""",
    "Statistical functions": "cumulative_sum cumulative_prod max mean min prod std sum var",
    "Indexing functions": "take take_along_axis",
    "Searching functions": "argmax argmin count_nonzero nonzero searchsorted where",
    "Sorting functions": "argsort sort",
    "Linear algebra functions": "matmul matrix_transpose tensordot vecdot",
    "Utility functions": "all any diff",
    "Set functions": "unique_all unique_counts unique_inverse unique_values",
    "Creation functions": """
        arange asarray empty empty_like eye from_dlpack full full_like linspace meshgrid ones ones_like tril triu zeros
        zeros_like""",
    "Data type functions": "astype can_cast finfo iinfo isdtype result_type",
    "Extension: linear algebra": """
        cholesky cross det diagonal eigh eigvalsh inv matmul matrix_norm matrix_power matrix_rank matrix_transpose outer
        pinv qr slogdet solve svd svdvals tensordot trace vecdot vector_norm""",
    "Extension: Fourier transforms": """
        fft ifft fftn ifftn rfft irfft rfftn irfftn hfft ihfft fftfreq rfftfreq fftshift ifftshift""",
}
"""The names of the standard, by section, in its order."""

ALONE = "in the namespace of an array alone, `x.__array_namespace__()`"
LEFT_OUT = {
    ALONE: """
        arange asarray astype bitwise_and bitwise_invert bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor
        can_cast conj cross empty empty_like eye finfo floor_divide from_dlpack full full_like iinfo imag isdtype
        isfinite isinf isnan linspace matrix_norm matrix_power meshgrid nonzero ones ones_like real result_type
        unique_all unique_counts unique_inverse unique_values zeros zeros_like""",
    "facts about floats, not about the numbers that they are": "nextafter signbit",
    "factorizations and what is found by them": """
        cholesky det eigh eigvalsh inv matrix_rank pinv qr slogdet solve svd svdvals""",
    "complex numbers, or the places of their frequencies": """
        fft ifft fftn ifftn rfft irfft rfftn irfftn hfft ihfft fftfreq rfftfreq fftshift ifftshift""",
}
"""Why names of the standard are no functions of `scalarspec`."""
REASONS = {name: reason for reason, names in LEFT_OUT.items() for name in names.split()}
REFUSED = {name: reason for name, reason in REASONS.items() if reason != ALONE}
"""Why names of the standard are in no namespace of ours either."""

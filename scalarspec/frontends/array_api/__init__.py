"""The array API 2024.12: the namespace that an array of ours hands out.

standard                  the names of the standard by its sections, and why some are left out
dtypes constants          kinds of numbers and conversions; floats that are numbers of a context, too
integers                  arrays of integers, which are exact, and count and index
elementwise structure statistics linalg unique creation
                          functions, each file of a family
namespace                 all of these, for one context
"""

"""Names in generated text: each thing has one of its own, and none is a word of the language or of what it uses.

`Names` gives out the names of one scope, in order of precedence: what comes first keeps the name that its author chose.
"""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Vocabulary:
    """What a language takes for a name. words: what it, its library and our helpers have taken.

    outer: what else the name of a function cannot be, since it stands beside helpers and libraries.
    """

    words: frozenset[str]
    spelled: Callable[[str], str]
    outer: frozenset[str] = frozenset()
    mark: str = "_"
    """What is put after a name that is taken."""

    def function(self, name: str) -> str:
        """The name of a function, as near to the one wished for as can be."""
        return Names(self, self.outer).new(name)


@dataclass
class Names:
    """The names of one scope: `new` never gives the same one twice."""

    vocabulary: Vocabulary
    taken: Iterable[str] = ()
    _given: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self._given = {*self.vocabulary.words, *self.taken}

    def new(self, *wishes: str) -> str:
        """The first wish that is free, or else the last one with marks."""
        names = [self.vocabulary.spelled(wish) for wish in wishes]
        name = next((name for name in names if name not in self._given), names[-1])
        while name in self._given:
            name += self.vocabulary.mark
        self._given.add(name)
        return name


def plain(name: str) -> str:
    """The name as an identifier of Python's, in the normal form that Python gives it."""
    letters = unicodedata.normalize("NFKC", name)
    found = unicodedata.normalize("NFKC", "".join(c if f"_{c}".isidentifier() else "_" for c in letters))
    return found if found.isidentifier() else f"_{found}"


def ascii_plain(name: str) -> str:
    """The name in ASCII, Greek letters by their names; it begins with a letter, as others are reserved in C."""
    found = "".join(map(_ascii, unicodedata.normalize("NFKD", plain(name))))
    return found if found[:1].isalpha() else f"x{found}"


def _ascii(letter: str) -> str:
    if letter.isascii() or unicodedata.combining(letter):
        return letter if letter.isascii() else ""
    words = unicodedata.name(letter, "").split()
    if words[:2] in (["GREEK", "SMALL"], ["GREEK", "CAPITAL"]) and words[-1].isascii():
        found = words[-1].replace("LAMDA", "LAMBDA")
        return found.lower() if words[1] == "SMALL" else found.capitalize()
    return f"u{ord(letter):x}"


def _of(words: str) -> frozenset[str]:
    return frozenset(words.split())


_C_KEYWORDS = _of("""
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while alignas alignof
    asm atomic bool complex constexpr false imaginary main noreturn nullptr static_assert thread_local true typeof
    typeof_unqual linux unix errno NULL
""")
_OF_MATH_H = _of("""
    acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh drem erf erfc exp exp10 exp2 expm1 fabs fdim
    finite floor fma fmax fmin fmod frexp gamma hypot ilogb isinf isnan j0 j1 jn ldexp lgamma llrint llround log log10
    log1p log2 logb lrint lround modf nan nearbyint nextafter nexttoward pow pow10 remainder remquo rint round scalb
    scalbln scalbn significand sin sincos sinh sqrt tan tanh tgamma trunc y0 y1 yn
""")
_MACROS_OF_MATH_H = _of("""
    FP_FAST_FMA FP_FAST_FMAF FP_FAST_FMAL FP_ILOGB0 FP_ILOGBNAN FP_INFINITE FP_NAN FP_NORMAL FP_SUBNORMAL FP_ZERO
    HUGE HUGE_VAL HUGE_VALF HUGE_VALL INFINITY MATH_ERREXCEPT MATH_ERRNO MAXFLOAT M_1_PI M_2_PI M_2_SQRTPI M_E M_LN10
    M_LN2 M_LOG10E M_LOG2E M_PI M_PI_2 M_PI_4 M_SQRT1_2 M_SQRT2 NAN DOMAIN OVERFLOW PLOSS SING TLOSS UNDERFLOW
    X_TLOSS double_t exception float_t fpclassify isfinite isgreater isgreaterequal isless islessequal islessgreater
    isnormal isunordered lgamma_r lgammaf_r lgammal_r math_errhandling matherr signbit signgam
""")
_OF_C = _of("""
    abort abs asctime atexit atof atoi atol atoll bsearch btowc cabs cacos cacosh calloc carg casin casinh catan catanh
    ccos ccosh cexp cimag clearerr clock clog conj cpow cproj creal csin csinh csqrt ctan ctanh ctime difftime div exit
    fclose feof ferror fflush fgetc fgetpos fgets fopen fprintf fputc fputs fread free freopen fscanf fseek fsetpos
    ftell fwrite getc getchar getenv gets gmtime imaxabs imaxdiv isalnum isalpha isblank iscntrl isdigit isgraph islower
    isprint ispunct isspace isupper isxdigit labs ldiv llabs lldiv localeconv localtime longjmp malloc mblen mbstowcs
    mbtowc memchr memcmp memcpy memmove memset mktime perror printf putc putchar puts qsort raise rand realloc remove
    rename rewind scanf setbuf setjmp setlocale setvbuf signal snprintf sprintf srand sscanf strcat strchr strcmp
    strcoll strcpy strcspn strerror strftime strlen strncat strncmp strncpy strpbrk strrchr strspn strstr strtod strtof
    strtok strtol strtold strtoll strtoul strtoull strxfrm system time tmpfile tmpnam tolower toupper ungetc vfprintf
    vfscanf vprintf vscanf vsnprintf vsprintf vsscanf wcstombs wctomb index rindex read write open close link select
""")
_OF_LEAN = _of("""
    Bool False Fin Int Nat Prop Rat Real Set Sort True Type _ abbrev abs add_decl_doc and as assume assumption at
    attribute axiom begin break builtin_initialize by calc catch check class coinductive constant continue conv decide
    declare_syntax_cat decreasing_by def default deriving do elab elab_rules else end eval example exists export expose
    extends finally for forall from fun generalizing global have haveI if import in include inductive inferInstance
    infix infixl infixr init_quot initialize inline instance instances irreducible is lemma let letI local macro
    macro_rules match matches matching max meta min mod module mut mutual namespace nat_lit nofun nomatch noncomputable
    nonrec norm_num not notation obtain of omit on only opaque open opening or over partial postfix pred prefix prelude
    print private prop protected public quote rec recall reduce register_simp renaming repeat rest return run_cmd scoped
    seal section set set_option show show_from show_term simp sorry structure suffices syntax synth tactic
    termination_by then theorem this to try unif_hint universe universes unless unlock unsafe unseal using variable
    variables where while with wlog
""")


def python_vocabulary(helpers: Iterable[str]) -> Vocabulary:
    """Python with NumPy: soft keywords are names like others."""
    return Vocabulary(frozenset([*keyword.kwlist, "__debug__", "numpy", *helpers]), plain, _of("math range"))


def c_vocabulary(helpers: Iterable[str]) -> Vocabulary:
    """C99 with its mathematics; what a later standard, or a compiler's library, adds to these is left alone too."""
    mathematics = {f"{name}{kind}" for name in _OF_MATH_H for kind in ("", "f", "l")}
    return Vocabulary(_C_KEYWORDS | mathematics | _MACROS_OF_MATH_H | {*helpers}, ascii_plain, _OF_C)


def lean_vocabulary() -> Vocabulary:
    """Lean 4 with Mathlib."""
    return Vocabulary(_OF_LEAN, ascii_plain)

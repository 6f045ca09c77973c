"""Element-wise operators: what each element of the result needs from the elements at its place.

Counted is one operation an element; a few are of several by their definition. An exponential or a tangent counts as
one: which instructions it takes is the library's choice, and memory is what these operators wait for.
"""

from collections.abc import Callable, Mapping

from stopwatt.operators.formulas.call import Call, shortest_run, work
from stopwatt.operators.formulas.touched import numel
from stopwatt.operators.work import Family, Work

_UNARY = """
    abs absolute acos acosh angle asin asinh atan atanh bitwise_not ceil celu conj_physical cos cosh deg2rad digamma
    elu erf erfc erfinv exp exp2 expm1 fix floor frac gelu glu hardshrink hardsigmoid hardswish hardtanh i0 isfinite
    isinf isnan isneginf isposinf leaky_relu lgamma log log10 log1p log2 log_sigmoid log_sigmoid_forward logical_not
    logit mish nan_to_num neg negative polygamma positive rad2deg reciprocal relu relu6 round rrelu
    rrelu_with_noise rsqrt selu sgn sigmoid sign signbit silu sin sinc sinh softplus softshrink special_expit
    special_erf sqrt square tan tanh threshold trunc
"""
_BINARY = """
    add and atan2 arctan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor complex copysign
    div divide eq floor_divide fmax fmin fmod ge gcd greater greater_equal gt heaviside hypot iand ilshift ior
    irshift isclose ixor kron lcm ldexp le less less_equal logaddexp logaddexp2 logical_and logical_or logical_xor
    lshift lt maximum minimum mul multiply ne nextafter not_equal or outer polar pow prelu _prelu_kernel remainder
    rshift rsub sub subtract true_divide xlogy xor ger
"""
_TERNARY = "addcdiv addcmul addr clamp clamp_max clamp_min clip lerp masked_fill where quantize_per_tensor dequantize"
_RANDOM = "alpha_dropout bernoulli dropout feature_dropout native_dropout"
_STEPS = {"addcmul": 2, "addcdiv": 2, "addr": 2, "lerp": 3, "silu": 2, "mish": 2, "glu": 2}


def pointwise(call: Call) -> Work:
    """Elements are those of the result; operands the tensors that it is given."""
    return each_element(call, _STEPS.get(call.name, 1))


def each_element(call: Call, steps: int, kind: str = "") -> Work:
    """So many operations for each element of the result."""
    elements = numel(call.output)
    dims = {"elements": elements, "operands": len(call.inputs), "run": shortest_run(call)}
    return work(call, Family.ELEMENTWISE, dims, steps * elements, kind=kind)


FORMULAS: Mapping[str, Callable[[Call], Work]] = dict.fromkeys(
    f"{_UNARY} {_BINARY} {_TERNARY} {_RANDOM}".split(), pointwise
)

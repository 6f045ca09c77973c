"""Attention: two products over all pairs of a query and a key that are needed; softmax and scale are not counted.

Causal attention needs each query with the keys up to its own only (torch's counter counts all pairs, and gives 0 for
the fused kernels of a CPU). A mask is data: every pair is counted, and the mask is read.
"""

import math
from collections.abc import Callable, Mapping

from stopwatt.operators.formulas.call import Call, work
from stopwatt.operators.formulas.touched import numel
from stopwatt.operators.work import Family, Work

_MATRIX = 2
_KEYWORD_ONLY = 99  # further than any operator has arguments


def _attention(mask: int, causal: int) -> Callable[[Call], Work]:
    """`query [..., heads, q_len, d]`, `key [..., kv_heads, kv_len, d]`, `value [..., kv_heads, kv_len, e]`.

    Args:
        mask: Place of the mask among the arguments.
        causal: Place of `is_causal`.
    """

    def formula(call: Call) -> Work:
        query, key, value = (call.tensor(place, name) for place, name in enumerate(("query", "key", "value")))
        heads, kv_heads = (one.shape[-3] if len(one.shape) > _MATRIX else 1 for one in (query, key))
        batch = math.prod(query.shape[:-3])
        q_len, width, kv_len = query.shape[-2], query.shape[-1], key.shape[-2]
        is_causal = call.value(causal, "is_causal") is True
        masked = any(call.maybe(mask, name) for name in ("attn_mask", "attn_bias"))
        dims = {
            "batch": batch,
            "heads": heads,
            "kv_heads": kv_heads,
            "head_dim": width,
            "q_len": q_len,
            "kv_len": kv_len,
            "causal": float(is_causal),
            "window": 0,
        }
        pairs = causal_pairs(q_len, kv_len) if is_causal else q_len * kv_len
        flops = 2 * batch * heads * pairs * (width + value.shape[-1])
        phase = "generation" if q_len == 1 < kv_len else "context"
        return work(call, Family.ATTENTION, dims, flops, kind=f"{phase} masked" if masked else phase)

    return formula


def causal_pairs(q_len: int, kv_len: int) -> int:
    """Pairs of a query and a key not after it, both counted from the first, as `is_causal` of torch aligns them."""
    seen = min(q_len, kv_len)
    return seen * (seen + 1) // 2 + (q_len - seen) * kv_len


def _block(*matrices: int) -> Callable[[Call], Work]:
    """Self-attention `[batch, length, width]` with its projections in one call of torch's fast path for encoders.

    No family has these sizes, but the operations are known: each matrix with every token, and attention between them.

    Args:
        matrices: Places of the weights.
    """

    def formula(call: Call) -> Work:
        *batch, length, width = call.tensor(0, "query").shape
        weights = sum(numel(call.tensor(place, "weight")) for place in matrices)
        tokens = math.prod(batch) * length
        return work(call, Family.OTHER, {}, 2 * tokens * weights + 4 * tokens * length * width)

    return formula


FORMULAS: Mapping[str, Callable[[Call], Work]] = {
    "scaled_dot_product_attention": _attention(3, 5),
    "_scaled_dot_product_attention_math": _attention(3, 5),
    "_scaled_dot_product_flash_attention": _attention(_KEYWORD_ONLY, 4),
    "_scaled_dot_product_flash_attention_for_cpu": _attention(_KEYWORD_ONLY, 4),
    "_scaled_dot_product_efficient_attention": _attention(3, 6),
    "_scaled_dot_product_cudnn_attention": _attention(3, 6),
    "_scaled_dot_product_fused_attention_overrideable": _attention(3, 5),
    "_transformer_encoder_layer_fwd": _block(3, 5, 14, 16),
    "_native_multi_head_attention": _block(5, 7),
}

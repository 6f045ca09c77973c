"""Tiny files with the columns of published operator tables."""

from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

ABOUT = {"framework": "VLLM", "version": "0.22.0", "device": "NVIDIA H200", "kernel_source": "some"}
HEADS = {"num_heads": 8, "num_key_value_heads": 2, "head_dim": 64, "beam_width": 1}
CACHED = {"batch_size": 4, **HEADS, "attn_dtype": "bfloat16", "kv_cache_dtype": "bfloat16", "window_size": 0}
ROWS = {
    "gemm": {"op_name": "gemm", "gemm_dtype": "bfloat16", "m": 3, "n": 5, "k": 7},
    "context_attention": {"op_name": "context_attention", **CACHED, "isl": 16, "step": 0},
    "generation_attention": {"op_name": "generation_attention", **CACHED, "isl": 1, "step": 127},
    "encoder_attention": {
        "op_name": "encoder_attention", "batch_size": 2, "isl": 50, "num_heads": 4, "head_dim": 72,
        "attn_dtype": "bfloat16",
    },
    "mla_bmm": {"op_name": "mla_gen_pre", "bmm_dtype": "bfloat16", "num_tokens": 9, "num_heads": 16},
    "scale_matrix": {"op_name": "scale_matrix", "quant_dtype": "fp8", "m": 6, "k": 10},
}  # fmt: skip


def rows(operator: str, *changes: dict, power: bool = True) -> list[dict]:
    """As many rows as changes; without any, one."""
    measured = {"latency": 2.0} | ({"power": 350.0, "power_limit": 700.0} if power else {})
    return [ABOUT | ROWS[operator] | measured | change for change in changes or ({},)]


def write(path: Path, records: list[dict], *, without: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = [{name: value for name, value in record.items() if name != without} for record in records]
    parquet.write_table(pa.Table.from_pylist(kept), path)
    return path


SYSTEM = """
data_dir: data/{name}
gpu:
  mem_bw: 4800000000000 # 4800 GB/s
  bfloat16_tc_flops: 989000000000000
  fp8_tc_flops: 1978000000000000
  power: 700
node:
  num_gpus_per_node: 8
"""


def package(folder: Path) -> Path:
    """A package of two systems with tables and one without."""
    systems = folder / "aiconfigurator_core" / "systems"
    for name, device in (("h200_sxm", "NVIDIA H200"), ("l40s", "NVIDIA L40S")):
        place = systems / "data" / name
        change = {"device": device}
        write(place / "gemm" / "vllm" / "0.24.0" / "gemm_perf.parquet", rows("gemm", change, change, power=False))
        write(place / "gemm" / "trtllm" / "1.3.0rc20" / "gemm_perf.parquet", rows("gemm", change, power=False))
        attention = rows("context_attention", change, power=False)
        write(place / "attention" / "vllm" / "0.24.0" / "context_attention_perf.parquet", attention)
        write(place / "moe" / "vllm" / "0.24.0" / "moe_perf.parquet", [{"num_tokens": 1, "latency": 1.0}] * 3)
    for name in ("h200_sxm", "l40s", "a30"):
        (systems / f"{name}.yaml").write_text(SYSTEM.format(name=name))
    (systems / "query_versions.yaml").write_text("schema_version: 1\n")
    return folder

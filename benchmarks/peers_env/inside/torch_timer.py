"""`torch.utils.benchmark` as its recipe uses it: one Timer, one call of a method, its other settings as they come."""

import json
import sys

from loading import torch_model

NAMES = ["input_ids", "attention_mask"]


def main(method: str, folder: str, threads: int) -> None:
    """Print what the `Measurement` says as JSON, and the names of everything that it offers."""
    import torch
    from torch.utils.benchmark import Timer

    model, inputs = torch_model(folder, threads, NAMES)
    timer = Timer("model(**inputs)", globals={"model": model, "inputs": inputs}, num_threads=threads)
    with torch.inference_mode():
        result = getattr(timer, method)()
    print(
        json.dumps(
            {
                "median_s": result.median,
                "iqr_s": result.iqr,
                "raw_times_s": result.raw_times,
                "calls_per_time": result.number_per_run,
                "text": repr(result).partition("\n")[2],
                "offers": sorted(name for name in dir(result) if not name.startswith("_")),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

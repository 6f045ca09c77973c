"""The model in the folder and one set of inputs, the same for everything that calls it from Python."""

from typing import Any

SEQ = 128


def torch_model(folder: str, threads: int, names: list[str]) -> tuple[Any, dict[str, Any]]:
    """The model in fp32 and the inputs that are named, one sample of `SEQ` tokens."""
    import torch
    from transformers import AutoModel

    torch.set_num_threads(threads)
    model = AutoModel.from_pretrained(folder, attn_implementation="sdpa", local_files_only=True).eval()
    generator = torch.Generator().manual_seed(0)
    known = {
        "input_ids": torch.randint(model.config.vocab_size, (1, SEQ), generator=generator),
        "attention_mask": torch.ones((1, SEQ), dtype=torch.int64),
        "token_type_ids": torch.randint(2, (1, SEQ), generator=generator),
        "position_ids": torch.arange(SEQ)[None],
    }
    return model, {name: known[name] for name in names}

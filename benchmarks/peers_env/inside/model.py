"""Make the model that everybody measures: a 4-layer BERT with random weights, as a folder and as an ONNX file."""

import sys
from pathlib import Path

SEQ = 128
INPUTS = ("input_ids", "attention_mask")


def main(folder: Path) -> None:
    """Write `folder/bert` (config.json, model.safetensors) and `folder/bert.onnx`."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(hidden_size=256, num_hidden_layers=4, num_attention_heads=4, intermediate_size=1024)
    model = BertModel(config).eval()
    model.save_pretrained(folder / "bert")
    model.config.return_dict = False
    ids = torch.randint(1000, (1, SEQ))
    torch.onnx.export(
        model,
        (ids, torch.ones_like(ids)),
        str(folder / "bert.onnx"),
        input_names=list(INPUTS),
        dynamo=True,
        external_data=False,
        verbose=False,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))

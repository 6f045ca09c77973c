"""The built-in families, layer by layer. Private names are the families' own: renaming them would change what their
digests of code say, and with it the key of every cell.
"""  # noqa: D205  (one sentence that does not fit on one line)

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from stopwatt.records import Scalar
from stopwatt.workloads import bert, gpt2, mobilenet, resnet, vit
from stopwatt.workloads.costs.tally import Tally
from stopwatt.workloads.family import transformer_shape

Params = Mapping[str, Scalar]
_TOKEN_BYTES = 8  # int64, whatever the model computes in


@dataclass(frozen=True, slots=True)
class Ends:
    """What goes into a call and comes out of it.

    Attributes:
        numbers: Floating-point numbers, in the precision of the model.
        bytes: Anything else.
    """

    numbers: int
    bytes: int = 0


def lstm(params: Params, tally: Tally) -> Ends:
    """Layers over all steps, and the head on the last one."""
    features, hidden, seq, outputs = (int(params[name]) for name in ("features", "hidden", "seq", "outputs"))
    for layer in range(int(params["layers"])):
        tally.lstm_layer(seq, features if layer == 0 else hidden, hidden)
    tally.linear(hidden, outputs)
    return Ends(tally.batch * (seq * features + outputs))


def mlp(params: Params, tally: Tally) -> Ends:
    """Fully connected layers."""
    features, outputs = int(params["features"]), int(params["outputs"])
    for before, after in pairwise([features, *[int(params["hidden"])] * int(params["layers"]), outputs]):
        tally.linear(before, after)
    return Ends(tally.batch * (features + outputs))


def bert_encoder(params: Params, tally: Tally) -> Ends:
    """Embeddings, encoder layers, and the pooler on the first position."""
    seq, shape = int(params["seq"]), transformer_shape(bert.PRESETS, params)
    hidden, tokens = shape["hidden"], tally.batch * seq
    tally.embedding(tokens + seq + 1, hidden)  # tokens, positions, the one type of token
    tally.norm(hidden)
    for _ in range(shape["layers"]):
        _transformer_layer(tally, seq, hidden)
    tally.linear(hidden, hidden)
    return Ends((tokens + tally.batch) * hidden, 2 * _TOKEN_BYTES * tokens)


def gpt2_decoder(params: Params, tally: Tally) -> Ends:
    """Embeddings, decoder layers, and the scores of every word at every position."""
    seq, shape = int(params["seq"]), transformer_shape(gpt2.PRESETS, params)
    hidden, tokens = shape["hidden"], tally.batch * seq
    tally.embedding(tokens + seq, hidden)
    for _ in range(shape["layers"]):
        _transformer_layer(tally, seq, hidden, causal=True)
    tally.norm(hidden)
    if params["output"] != "logits":
        return Ends(tokens * hidden, _TOKEN_BYTES * tokens)
    tally.linear(hidden, gpt2.VOCABULARY, positions=seq, bias=False)
    return Ends(tokens * gpt2.VOCABULARY, _TOKEN_BYTES * tokens)


def vit_classifier(params: Params, tally: Tally) -> Ends:
    """Patches as one linear layer, encoder layers, and the classes from the first position."""
    image, patch, classes = (int(params[name]) for name in ("image", "patch", "classes"))
    shape = transformer_shape(vit.PRESETS, params)
    patches, hidden = (image // patch) ** 2, shape["hidden"]
    tally.linear(3 * patch * patch, hidden, positions=patches)
    tally.embedding(patches + 1 + 1, hidden)  # positions, and what stands in the first one
    for _ in range(shape["layers"]):
        _transformer_layer(tally, patches + 1, hidden)
    tally.norm(hidden)
    tally.linear(hidden, classes)
    return Ends(tally.batch * (3 * image * image + classes))


def _transformer_layer(tally: Tally, positions: int, hidden: int, *, causal: bool = False) -> None:
    """Queries, keys, values and output, then two layers with four times the units between them."""
    for _ in range(4):
        tally.linear(hidden, hidden, positions=positions)
    tally.attention(positions, hidden, causal=causal)
    tally.linear(hidden, 4 * hidden, positions=positions)
    tally.linear(4 * hidden, hidden, positions=positions)
    tally.norm(hidden)
    tally.norm(hidden)


def resnet_classifier(params: Params, tally: Tally) -> Ends:
    """Stem, residual blocks, and the classes from the mean over all places."""
    depth, image, classes, channels = (int(params[name]) for name in ("depth", "image", "classes", "width"))
    expansion = 4 if depth >= resnet._BOTTLENECK_FROM else 1  # noqa: SLF001  (as above)
    side = (tally.convolution(image, 3, channels, 7, stride=2) + 1) // 2  # max pooling by 2
    for stage, blocks in enumerate(resnet._STAGES[depth]):  # noqa: SLF001
        inner = int(params["width"]) * 2**stage
        for place in range(blocks):
            stride = 2 if stage > 0 and place == 0 else 1
            side = _residual_block(tally, side, channels, inner, inner * expansion, stride=stride)
            channels = inner * expansion
    tally.linear(channels, classes)
    return Ends(tally.batch * (3 * image * image + classes))


def _residual_block(tally: Tally, side: int, channels: int, inner: int, outer: int, *, stride: int) -> int:
    if stride != 1 or channels != outer:
        tally.convolution(side, channels, outer, 1, stride=stride)
    if inner == outer:
        side = tally.convolution(side, channels, inner, 3, stride=stride)
        return tally.convolution(side, inner, outer, 3)
    side = tally.convolution(side, channels, inner, 1)
    side = tally.convolution(side, inner, inner, 3, stride=stride)
    return tally.convolution(side, inner, outer, 1)


def mobilenet_classifier(params: Params, tally: Tally) -> Ends:
    """Stem, inverted residual blocks, the last convolution, and the classes from the mean over all places."""
    image, classes, width = int(params["image"]), int(params["classes"]), float(params["width"])
    scaled = mobilenet._scaled  # noqa: SLF001  (as above)
    channels = scaled(mobilenet._STEM, width)  # noqa: SLF001
    side = tally.convolution(image, 3, channels, 3, stride=2)
    for expansion, base, blocks, first_stride in mobilenet._STAGES:  # noqa: SLF001
        for place in range(blocks):
            inner = channels * expansion
            if expansion > 1:
                tally.convolution(side, channels, inner, 1)
            side = tally.convolution(side, inner, inner, 3, stride=first_stride if place == 0 else 1, groups=inner)
            channels = scaled(base, width)
            tally.convolution(side, inner, channels, 1)
    last = max(mobilenet._LAST, scaled(mobilenet._LAST, width))  # noqa: SLF001
    tally.convolution(side, channels, last, 1)
    tally.linear(last, classes)
    return Ends(tally.batch * (3 * image * image + classes))


FORMULAS: Mapping[str, Callable[[Params, Tally], Ends]] = {
    "lstm": lstm,
    "mlp": mlp,
    "bert": bert_encoder,
    "gpt2": gpt2_decoder,
    "vit": vit_classifier,
    "resnet": resnet_classifier,
    "mobilenet": mobilenet_classifier,
}
"""By the family's name: complete parameters in, layers onto the tally, inputs and outputs returned."""

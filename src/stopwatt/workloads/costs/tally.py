"""Adding up layers: operations, weights, and what goes in and out.

Counted are matrix products, convolutions and attention, a multiply-add as two operations, as `torch.utils.flop_counter`
counts them. Element-wise work is not counted: biases, activations, the gates of an LSTM, normalisation, softmax,
pooling. Its share of the operations is small, that of the time may not be.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """A sum over the layers of one call.

    Attributes:
        batch: Samples of the call.
        flops: Operations.
        weights: Weights that a call reads, each once; of embeddings those rows that it looks up.
    """

    batch: int
    flops: int = 0
    weights: int = 0

    def linear(self, before: int, after: int, *, positions: int = 1, bias: bool = True) -> None:
        """`[batch * positions, before] @ [before, after]`."""
        self.flops += 2 * self.batch * positions * before * after
        self.weights += before * after + (after if bias else 0)

    def convolution(self, side: int, before: int, after: int, kernel: int, *, stride: int = 1, groups: int = 1) -> int:
        """A square convolution without bias, padded by half its kernel, and the batch normalisation behind it.

        Returns:
            Height and width of what it gives.
        """
        out = (side + 2 * (kernel // 2) - kernel) // stride + 1
        inputs = before // groups * kernel * kernel
        self.flops += 2 * self.batch * out * out * after * inputs
        self.weights += after * inputs + 4 * after
        return out

    def attention(self, positions: int, hidden: int, *, causal: bool = False) -> None:
        """Scores and weighted values of all heads together, of every position with every other; without projections.

        Args:
            positions: Of queries, and of keys.
            hidden: Width of all heads together.
            causal: Each query sees the keys up to its own. Only those pairs are needed, and counted; torch counts all.
        """
        pairs = positions * (positions + 1) // 2 if causal else positions * positions
        self.flops += 2 * 2 * self.batch * pairs * hidden

    def lstm_layer(self, steps: int, before: int, hidden: int) -> None:
        """Four gates, each with a product with the input and one with the state: 8 h (x + h) a step and sample.

        Hochreiter & Schmidhuber 1997, with the two bias vectors of torch.
        """
        self.flops += 2 * self.batch * steps * 4 * hidden * (before + hidden)
        self.weights += 4 * hidden * (before + hidden) + 2 * 4 * hidden

    def norm(self, channels: int) -> None:
        """Scale and shift of a layer normalisation."""
        self.weights += 2 * channels

    def embedding(self, rows: int, hidden: int) -> None:
        """Rows looked up in a table."""
        self.weights += rows * hidden

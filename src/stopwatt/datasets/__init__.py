"""Data that users give: images, tensors by name and tables of token ids, in the shape that a model takes."""

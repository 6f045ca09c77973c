"""A Hugging Face model in a folder on this disk: configuration and safetensors, no code, no network."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stopwatt.errors import UnsafeFile, UsageError, WorkloadError
from stopwatt.records import Scalar
from stopwatt.workloads.base import Built, Param
from stopwatt.workloads.family import quiet, size, transformers
from stopwatt.workloads.hfmodel import SEQ, from_config
from stopwatt.workloads.source import digest_of_files

_CONFIG_BYTES = 2**24
_POSITIONS = ("max_position_embeddings", "n_positions")


@dataclass(frozen=True, slots=True)
class HfDir:
    """A family with one model: that of the folder."""

    name: str
    path: Path
    open_params = False
    runs_foreign_code = False

    @property
    def summary(self) -> str:
        """One line."""
        return f"the Hugging Face model in {self.path}"

    @property
    def params(self) -> Sequence[Param]:
        """What its inputs leave open."""
        most = _positions(_config(self.path))
        return (
            size("seq", min(SEQ, most), "tokens, for a model of text: at most what it has positions for", high=most),
            size("image", 0, "height and width in pixels, for a model of images; 0: as the configuration", low=0),
        )

    @property
    def packages(self) -> Sequence[str]:
        """What runs it."""
        return ("torch", "transformers", "safetensors")

    def code(self) -> str:
        """Digest of the configuration and the weights."""
        return digest_of_files([self.path / "config.json", *sorted(self.path.glob("*.safetensors"))])

    def build(self, params: Mapping[str, Scalar], seed: int) -> Built:  # noqa: ARG002  (the weights are given)
        """Load the model in fp32.

        Raises:
            WorkloadError: transformers is missing, or cannot load the model.
        """
        name = _architecture(self.path)
        package = transformers(self.name)
        kind = getattr(package, name, None)
        if not (isinstance(kind, type) and issubclass(kind, package.PreTrainedModel)):
            raise WorkloadError(
                f"transformers {package.__version__} knows no model class {name!r}",
                when=f"in {self.path / 'config.json'}",
                now="install the version of transformers that the model was saved with",
            )
        return from_config(_load(kind, self.path), self.name, int(params["seq"]), int(params["image"]))


def family(source: str, path: Path) -> HfDir:
    """The family of a folder, once it is sure that loading it runs no code of the model's own.

    Raises:
        UsageError: The folder holds no such model.
        UnsafeFile: The model needs code of its own, or its weights are pickles.
    """
    _architecture(path)
    _check_weights(path)
    return HfDir(source, path.resolve())


def _load(kind: Any, path: Path) -> Any:
    def loaded(attention: str) -> Any:
        return kind.from_pretrained(
            str(path),
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            dtype="float32",
            attn_implementation=attention,
        )

    try:
        with quiet():
            try:
                return loaded("sdpa")
            except ValueError:
                return loaded("eager")
    except Exception as error:
        raise WorkloadError(
            f"the model in {path} cannot be loaded: {type(error).__name__}: {str(error).partition(chr(10))[0]}",
            now="check that the weights belong to the configuration; save the model again with save_pretrained",
        ) from error


def _config(path: Path) -> Any:
    """The configuration, from which nothing has been run.

    Raises:
        UsageError: It is not there or not readable.
    """
    file = path / "config.json"
    if not file.is_file():
        raise UsageError(
            f"{path} is a folder without config.json, so no Hugging Face model",
            now="name a folder that save_pretrained wrote, or a file or function",
        )
    try:
        with file.open("rb") as opened:
            return json.loads(opened.read(_CONFIG_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{file} is not readable JSON: {error}", now="fetch the model again") from error


def _positions(config: Any) -> int:
    """Tokens that the model has positions for; a million where it does not say."""
    found = [config, config.get("text_config")] if isinstance(config, dict) else []
    values = [one.get(name) for one in found if isinstance(one, dict) for name in _POSITIONS]
    return next((value for value in values if type(value) is int and value > 0), 10**6)


def _architecture(path: Path) -> str:
    config = _config(path)
    if "auto_map" in set(_keys(config)):
        raise UnsafeFile(
            f"the model in {path} brings code of its own (auto_map in config.json), which stopwatt does not run",
            now="if you trust it, write a function that loads it and name it as path.py:function",
        )
    names = config.get("architectures") if isinstance(config, dict) else None
    if not (isinstance(names, list) and names and isinstance(names[0], str)):
        raise UsageError(
            f"{path / 'config.json'} names no architecture",
            now='add "architectures": ["BertModel"] or the like, or save it again',
        )
    return names[0]


def _keys(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        for key, value in document.items():
            yield key
            yield from _keys(value)
    elif isinstance(document, list):
        for value in document:
            yield from _keys(value)


def _check_weights(path: Path) -> None:
    if any(path.glob("*.safetensors")):
        return
    pickles = sorted(file.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for file in path.glob(pattern))
    if pickles:
        raise UnsafeFile(
            f"the weights in {path} are pickles ({', '.join(pickles[:3])}): opening them would run whatever code they "
            "hold; they were not opened",
            now="fetch the safetensors version of the model, or convert it where you trust it: "
            "AutoModel.from_pretrained(folder).save_pretrained(folder)",
        )
    raise UsageError(f"{path} holds no weights (*.safetensors)", now="fetch the model again")

"""Take a module that does nothing (any more) out of a model."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def handed_on(value: Any) -> Any:
    """What stands in the place of a module that was taken out, where a forward calls it by name."""
    return value


def take_out(parent: "torch.nn.Module", name: str) -> None:
    """Take a part out of its parent, whose forward goes on without it.

    From a chain it is left away; a list that is indexed keeps an identity in its place; else a plain function, whose
    call costs a fraction of a module's, takes its name.
    """
    from torch import nn

    if type(parent).forward is nn.Sequential.forward:
        del parent._modules[name]  # noqa: SLF001  (`del parent[place]` would number the others anew)
    elif isinstance(parent, nn.ModuleList | nn.ModuleDict | nn.Sequential):
        parent._modules[name] = nn.Identity()  # noqa: SLF001  (as above)
    else:
        delattr(parent, name)
        object.__setattr__(parent, name, handed_on)


def take_out_everywhere(model: "torch.nn.Module", part: "torch.nn.Module") -> None:
    """Take a part out of every parent that has it."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if child is part:
                take_out(parent, name)

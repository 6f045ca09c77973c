"""Names of operators without what tells little."""


def base_name(name: str) -> str:
    """`linear` of `aten.linear.default`."""
    return name.removeprefix("aten.").partition(".")[0]

"""`stopwatt ops`: a verb of its own for each step, one file each, imported when it is used."""

from cyclopts import App

STEPS = {
    "capture": ("capture:capture", "Take models apart: which operators, how often, in which module."),
    "measure": ("measure:measure", "Measure captured operators by themselves, as many as a budget allows."),
    "explain": ("explain:explain", "Say where a model's time and energy go, and what the sum leaves out."),
    "fit": ("fit:fit", "Learn from all operators that were measured or imported, and say how well."),
    "plan": ("plan:plan", "List the operators that are worth measuring next."),
    "import": ("import_:import_", "Bring operator measurements of others into the store."),
    "export": ("export:export", "Write the operator database to Parquet, CSV or JSON."),
    "list": ("list_:list_", "List what the operator database holds."),
}


def build_ops(step: str = "") -> App:
    """The sub-verbs. Only the step that is asked for is imported; the list of all shows the summaries above."""
    app = App(
        name="ops",
        help="Microseconds and joules per operator: captured, measured, summed, explained.",
        help_epilogue=None if step in STEPS else "First try: stopwatt ops explain mlp",
    )
    for name, (place, summary) in STEPS.items():
        app.command(f"stopwatt.cli.ops.{place}", name=name, **({} if name == step else {"help": summary}))
    return app

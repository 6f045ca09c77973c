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


def _build() -> App:
    app = App(
        name="ops",
        help="Microseconds and joules per operator: captured, measured, summed, explained.",
        help_epilogue="First try: stopwatt ops explain mlp",
    )
    for name, (place, summary) in STEPS.items():
        app.command(f"stopwatt.cli.ops.{place}", name=name, help=summary)
    return app


ops = _build()

"""The command `stopwatt`: one file a verb. Verbs are imported when they are used, so that help is quick."""

import sys

from cyclopts import App, CycloptsError

from stopwatt import __version__
from stopwatt.cli.failure import fail, operating_system, prepare_streams, reader_gone, unexpected
from stopwatt.errors import ExitCode, StopwattError

OPS, RUN = "ops", "run"
"""The verbs that have verbs of their own."""
VERBS = {
    "bench": ("bench:bench", "Measure models over runtimes, precisions and batch sizes."),
    "sweep": ("sweep:sweep", "Measure a grid of sizes and setups: how does latency grow, where are the kinks?"),
    "compare": ("compare:compare", "Compare two runs, tags, stores, setups or commands: did this become slower?"),
    "tune": ("tune:tune", "Find the best setup for a goal under constraints, and prove it."),
    "ladder": ("ladder:ladder", "Try one optimisation after another: what does each of them buy?"),
    "protocol": ("protocol:protocol", "Try other ways of measuring on one model: which of them change its number?"),
    "report": ("report:report", "Write one page with findings, tables, figures and every distribution."),
    "plot": ("plot:plot", "Draw one figure of a report as PNG, SVG or HTML."),
    "show": ("show:show", "List runs and measurements, or one measurement in full."),
    "export": ("export:export", "Write measurements to Parquet, CSV or JSON."),
    "import": ("import_:import_", "Read exported measurements, or a table that others made, into the store."),
    "meter": ("meter:meter", "Run any program and say what it used: energy, power, CPU time, memory."),
    OPS: ("ops:build_ops", "Microseconds and joules per operator: capture, measure, explain, fit, plan."),
    "predict": ("predict:predict", "Predict time and energy of a model that was never measured, with intervals."),
    "pack": ("pack:pack", "Convert a model for a runtime and write it, ready to be served, as one file."),
    "unpack": ("pack:unpack", "Check a pack's checksums, say what it is, run it again, or take it apart."),
    RUN: ("run:build_run", "Run a model over a data set, say what held it back; go on where a run stopped."),
    "data": ("data:data", "Draw data sets to run models on: images with annotations in COCO's format."),
    "ceilings": ("ceilings:ceilings", "Measure the most FLOP/s and bytes/s that this device reaches."),
    "selftest": ("selftest:selftest", "Test that this machine, with this tool on it, measures what it claims."),
    "workloads": ("workloads:workloads", "List the models that can be measured, with their parameters."),
    "meters": ("meters:meters", "List the instruments of this machine: energy, power, clocks; may they be believed?"),
    "backends": ("backends:backends", "List the runtimes of this machine: usable or not, and the remedy."),
    "techniques": ("techniques:techniques", "List what can be done to a model before a runtime gets it."),
    "doctor": ("doctor:doctor", "Say whether this machine is fit to measure on, and how to mend it."),
}


def build_app(verb: str = "", step: str = "") -> App:
    """The command line. Only the verb that is asked for is imported; the list of all shows the summaries above.

    Args:
        verb: The first word.
        step: The second one, where the verb has verbs of its own.
    """
    app = App(
        name="stopwatt",
        help="Measure, compare and trust how a neural network runs at inference.",
        version=__version__,
        version_flags=["--version"],
        usage="Usage: stopwatt VERB [ARGUMENTS]      first try: stopwatt bench lstm" if verb not in VERBS else None,
        help_epilogue="Every verb has --help with examples. On an error, --debug shows the traceback.",
        suppress_keyboard_interrupt=False,  # `main` says that nothing saved is lost
    )
    for name, (module, summary) in VERBS.items():
        if name == verb == OPS:
            from stopwatt.cli.ops import build_ops

            app.command(build_ops(step), name=name)
            continue
        if name == verb == RUN:
            from stopwatt.cli.run import build_run

            app.command(build_run(step), name=name)
            continue
        app.command(f"stopwatt.cli.{module}", name=name, **({} if name == verb else {"help": summary}))
    return app


def main(arguments: list[str] | None = None) -> None:
    """Run one command line and exit with its code (`errors.ExitCode`)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words[: words.index("--")] if "--" in words else "--debug" in words
    if debug:
        words.remove("--debug")  # the first one; behind -- it belongs to somebody else
    prepare_streams()
    sys.exit(_run(words, debug=debug))


def _run(words: list[str], *, debug: bool) -> int:  # noqa: PLR0911  (one a way to end)
    try:
        build_app(*words[:2])(words, exit_on_error=False, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError:
        return ExitCode.USAGE  # cyclopts has said what is wrong
    except StopwattError as error:
        return fail(error, debug=debug)
    except KeyboardInterrupt:
        print("interrupted; everything measured so far is saved", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return reader_gone()
    except OSError as error:
        return operating_system(error, debug=debug)
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # how rich leaves
            return reader_gone()
        return stop.code if isinstance(stop.code, int) else ExitCode.USAGE
    except Exception as error:  # noqa: BLE001  (the last line of defence)
        return unexpected(error, debug=debug)
    return ExitCode.OK

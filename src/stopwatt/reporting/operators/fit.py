"""What `ops fit` shows: for each family every question, ours and every baseline, and what was not reached."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console

from stopwatt import units
from stopwatt.reporting.grid import Column, Row, grid
from stopwatt.reporting.operators.shown import Shown

if TYPE_CHECKING:
    from stopwatt.ops.fitting import Fitted, Part
    from stopwatt.predicting.evaluate import Answered, Evaluation
    from stopwatt.predicting.scores import Scores

SCHEMA = 1
UNASKED = "Too few rows to hold some out: how well it predicts is not known."
OURS = "stopwatt"


def _right(*names: str) -> list[Column]:
    return [Column(name, right=True, whole=True) for name in names]


COLUMNS: list[Column | str] = [
    Column("question", whole=True),
    Column("predicted by", whole=True),
    *_right("MAPE", "median", "in 10 %", "bias", "covered", "width", "flagged"),
]


@dataclass(frozen=True, slots=True)
class FitResult(Shown):
    """What `ops fit` returns."""

    found: "Fitted"

    def document(self) -> dict[str, Any]:
        """What `--json` prints."""
        found = self.found
        return {
            "schema": SCHEMA,
            "store": found.where,
            "bytes": found.size,
            "tried": {"learnt": found.tried[0], "asked": found.tried[1]},
            "skipped": {str(family): rows for family, rows in found.skipped.items()},
            "families": [_part_document(part) for part in found.parts],
        }

    def print_to(self, console: Console) -> None:
        """A table for each family."""
        for part in self.found.parts:
            show_part(console, part)
        learnt, asked = self.found.tried
        console.print(
            f"Each question learns from at most {learnt:,} rows and is asked of at most {asked:,}; the predictor that "
            "is kept learnt from all rows named above.",
            style="quiet",
        )
        for family, rows in self.found.skipped.items():
            console.print(f"{family}: {rows} rows are too few to learn from.", markup=False)
        size = units.quantity(self.found.size, "B")
        console.print(f"Predictor of {size} kept in {self.found.where}.", markup=False)


def show_part(console: Console, part: "Part") -> None:
    """The table of one family, and the sentences below it."""
    evaluation = part.evaluation
    devices = f"{len(part.devices)} devices" if len(part.devices) > 1 else part.devices[0]
    title = f"{part.family}: {part.learnt:,} of {part.rows:,} rows, {devices}, fitted in {units.duration(part.seconds)}"
    if evaluation is None or not evaluation.answers:
        console.print(title, markup=False)
        console.print("" if evaluation is None else f"{UNASKED}\n", markup=False, style="quiet")
        return
    console.print(grid(title, COLUMNS, rows_of(evaluation)))
    for sentence in sentences_of(evaluation):
        console.print(sentence, markup=False, style="quiet")
    console.print()


def rows_of(evaluation: "Evaluation") -> Iterator[Row]:
    """Rows of the table: time first, then energy, for each question."""
    for answer in evaluation.answers:
        yield from _rows(str(answer.question), answer.time)
        if answer.energy:
            yield from _rows(f"{answer.question}, energy", answer.energy)


def sentences_of(evaluation: "Evaluation") -> Iterator[str]:
    """What the table does not say: the noise floor, and questions that the rows cannot ask."""
    if evaluation.noise is None:
        yield "Noise floor: not in the data (no row was collected twice)."
    else:
        noise = evaluation.noise
        yield (
            f"Noise floor: {noise.rows:,} rows that are in two collections differ by {units.percent(noise.median)} "
            f"(median) and {units.percent(noise.mean)} (mean)."
        )
    for question in evaluation.missing:
        yield f"{question}: not in the data."
    if any(answer.energy for answer in evaluation.answers):
        yield "Energy is that of rows of at least 0.1 ms: shorter ones carry the power of what ran before them."


def _rows(question: str, scores: "Mapping[str, Scores]") -> Iterator[Row]:
    best = min(scores, key=lambda name: scores[name].mape)
    for number, (name, one) in enumerate(scores.items()):
        mark = f"{name} (best)" if name == best else name
        yield Row(
            [
                question if number == 0 else "",
                mark,
                *map(share, (one.mape, one.median, one.near)),
                units.change(1 + one.bias),
                share(one.coverage),
                share(one.width),
                share(one.outside) if name == OURS else "",
            ],
            quiet=name != OURS,
        )


def share(value: float) -> str:
    """A share in per cent with one decimal; empty for none."""
    return f"{100 * value:.1f} %" if math.isfinite(value) else ""


def _part_document(part: "Part") -> dict[str, Any]:
    evaluation = part.evaluation
    about = {
        "family": str(part.family),
        "rows": part.rows,
        "learnt": part.learnt,
        "powered": part.powered,
        "devices": list(part.devices),
        "fit_s": part.seconds,
    }
    if evaluation is None:
        return about
    return about | {
        "questions": [_answer_document(one) for one in evaluation.answers],
        "missing": [str(one) for one in evaluation.missing],
        "noise_floor": None if evaluation.noise is None else asdict(evaluation.noise),
    }


def _answer_document(answer: "Answered") -> dict[str, Any]:
    return {
        "question": str(answer.question),
        "learnt": answer.trained,
        "time": {name: scores_document(one) for name, one in answer.time.items()},
        "energy": {name: scores_document(one) for name, one in answer.energy.items()},
    }


def scores_document(scores: "Scores") -> dict[str, Any]:
    """Scores as JSON has them: `null` for what there is none of."""
    return {name: value if math.isfinite(value) else None for name, value in asdict(scores).items()}

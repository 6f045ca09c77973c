"""Energy as people see it on a terminal."""

import io
from dataclasses import replace

import pytest
from energy_example import OFF, ON_GPU, ON_VIRTUAL_CPU, RULE, TICKS, VIRTUAL, Run, grid, measured

from stopwatt.analyse.analysis import analyse
from stopwatt.analyse.summary import summarise
from stopwatt.records import Unavailable
from stopwatt.reporting.console import WIDTH, console_for
from stopwatt.reporting.sweep_table import Ending, render_sweep
from stopwatt.reporting.table import render_bench


def bench(runs):
    stream = io.StringIO()
    render_bench(console_for(stream), summarise(measured(runs)), (), run="01234567", where="results.db")
    return stream.getvalue()


def sweep(measurements):
    stream = io.StringIO()
    render_sweep(console_for(stream), analyse(measurements), (), Ending("01234567", "results.db"))
    return stream.getvalue()


def table_of(text, head="energy,"):
    """Lines of the table that begins with a head, without it."""
    lines = text.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(head))
    return lines[start + 2 :]


def test_nobody_who_did_not_ask_for_energy_reads_of_it():
    for runs in (ON_GPU, ON_VIRTUAL_CPU):
        silent = [replace(run, asked=False, joules=None, why="") for run in runs]
        assert "energy" not in bench(silent)
        assert "energy" not in sweep(measured(silent))


def test_the_energies_of_a_batch_have_a_table_with_their_scope_and_unit_in_its_head():
    lines = bench(ON_GPU).splitlines()
    head = next(place for place, line in enumerate(lines) if line.startswith("energy,"))

    assert lines[head].split() == ["energy,", "mJ/sample", "net", "power", "samples", "energy-delay"]
    assert lines[head + 1].split() == ["GPU", "board", "[95", "%]", "mJ", "W", "/J", "uJ", "s", "verdict"]


def test_the_least_measured_energy_is_first_and_a_suspect_one_never_wins():
    lines = [line for line in table_of(bench(ON_GPU)) if line.startswith(tuple(run.backend for run in ON_GPU))]

    assert [line.split()[0] for line in lines] == ["tensorrt", "onnxruntime", "eager", "compile", "aoti"]
    assert [line.split()[-1] for line in lines] == ["least", "measured", "measured", "suspect", "unavailable"]


def test_a_suspect_energy_is_marked_and_its_reason_stands_below():
    text = " ".join(bench(ON_GPU).split())
    (line,) = [one for one in bench(ON_GPU).splitlines() if one.startswith("compile") and "suspect" in one]

    assert line.count(" ?") == 5
    assert f"? energy, GPU board of compile fp32: suspect, and not compared: {OFF}" in text


def test_a_missing_energy_is_no_zero_and_has_its_reason_below():
    text = bench(ON_GPU)
    (line,) = [one for one in text.splitlines() if one.startswith("aoti") and "unavailable" in one]

    assert line.split() == ["aoti", "fp32", "-", "-", "-", "-", "-", "unavailable"]
    assert f"energy, GPU board: unavailable for aoti fp32 ({TICKS})" in text


def test_where_no_energy_could_be_measured_there_is_one_line_and_no_table():
    text = bench(ON_VIRTUAL_CPU)

    assert [line for line in text.splitlines() if "energy" in line] == [f"energy, CPU package: unavailable ({VIRTUAL})"]
    assert "GPU board" not in text


def test_a_net_energy_that_was_lost_in_the_noise_has_its_reason_below():
    lost = {"energy_net_gpu": Unavailable("no more than the active-idle power")}
    rounds = [replace(one, readings=one.readings | lost) for one in Run(joules=0.118).rounds()]
    stream = io.StringIO()
    render_bench(
        console_for(stream), summarise([*rounds, *Run("compile", joules=0.1).rounds()]), (), run="0", where="r"
    )
    text = stream.getvalue()

    assert "net energy, GPU board: unavailable for eager fp32 (no more than the active-idle power" in text


def test_an_estimate_has_a_table_of_its_own_with_its_rule_below():
    text = bench([replace(run, watts=12.0) for run in ON_VIRTUAL_CPU])

    assert f"energy, CPU package: unavailable ({VIRTUAL})" in text
    assert "estimated mJ/sample" in text
    assert f"estimated, not measured: {RULE}" in text
    assert "48 [29, 67]" in text
    assert "[low, high]" in text


def test_an_estimate_never_stands_beside_a_measured_energy():
    text = bench([replace(Run(device="cpu", scope="package", joules=0.05), watts=12.0)])
    own, _, estimated = text.partition("estimated mJ/sample")

    assert "measured" in own
    assert "measured" not in estimated.partition("estimated, not measured")[0]
    assert all("48 [29, 67]" not in line for line in own.splitlines())


def test_energies_of_two_scopes_have_two_tables():
    board, package = Run(joules=0.118).rounds(), Run(scope="package", joules=0.02).rounds()
    both = [replace(one, readings={**one.readings, **more.readings}) for one, more in zip(board, package, strict=True)]
    stream = io.StringIO()
    render_bench(console_for(stream), summarise(both), (), run="01234567", where="results.db")

    heads = [line.split("  ")[0] for line in stream.getvalue().splitlines() if line.startswith(("GPU b", "CPU p"))]
    assert heads == ["GPU board", "CPU package"]


def test_on_a_gpu_a_package_without_a_meter_is_one_line():
    virtual = [replace(one, readings={**one.readings, **more.readings}) for one, more in zip(
        Run(joules=0.118).rounds(), Run(scope="package", why=VIRTUAL).rounds(), strict=True)]  # fmt: skip
    stream = io.StringIO()
    render_bench(console_for(stream), summarise(virtual), (), run="01234567", where="results.db")

    assert stream.getvalue().count(f"energy, CPU package: unavailable ({VIRTUAL})") == 1


def test_no_line_is_wider_than_the_limit_even_with_long_names():
    long = [replace(run, backend=f"{run.backend}:max-autotune-no-cudagraphs", watts=12.0) for run in ON_GPU]
    assert max(len(line) for line in bench(long).splitlines()) <= WIDTH
    assert max(len(line) for line in sweep(grid()).splitlines()) <= WIDTH


def test_few_cells_of_a_sweep_have_their_energy_in_a_column():
    text = sweep(grid(hidden=(64, 128), batch=(1, 2)))
    lines = [line for line in text.splitlines() if line.lstrip().startswith(("64", "128"))]

    assert "GPU board mJ/sample [95 %]" in text
    assert len(lines) == 8
    assert [line.endswith("?") for line in lines if line.split()[0] == "128"] == [False, True, False, True]


def test_many_cells_have_a_pivot_of_energy_without_the_suspect_and_the_missing():
    text = sweep(grid())
    block = text.partition("energy a sample, GPU board, mJ by hidden and backend")[2].splitlines()

    cells = {line.split()[0]: line.split()[1:] for line in block[3:7]}
    assert {size: row[-1] for size, row in cells.items()} == {"64": "4", "128": "3", "256": "4", "512": "3"}
    assert all(float(row[0]) > float(row[1]) for row in cells.values())


def test_a_sweep_says_where_the_least_energy_is_and_how_many_cells_are_suspect_or_have_none():
    text = sweep(grid())

    (least,) = [line for line in text.splitlines() if line.startswith("least energy, GPU board: ")]
    assert least.endswith("a sample at hidden=64, backend=onnxruntime, batch=8")
    flowing = " ".join(text.split())
    assert f"? energy, GPU board: suspect in 2 of 32 cells, and not compared: {OFF}" in flowing
    assert f"energy, GPU board: unavailable in 2 of 32 cells ({TICKS})" in flowing
    assert len(text.partition("\nFindings")[0].splitlines()) <= 40


def test_reasons_that_differ_in_their_figures_alone_are_one_with_an_example():
    runs = [
        Run(joules=0.1, hidden=size, why=f"the sentinel was {shift} % off that of the other rounds")
        for size, shift in ((64, "+7.5"), (128, "-24"), (256, "+104"))
    ]
    flowing = " ".join(sweep(measured([*runs, Run(joules=0.1, hidden=512, why=OFF)])).split())

    example = "for example the sentinel was +7.5 % off that of the other rounds"
    assert f"? energy, GPU board: suspect in 3 of 4 cells, and not compared: {example}" in flowing
    assert f"? energy, GPU board: suspect in 1 of 4 cells, and not compared: {OFF}" in flowing


@pytest.mark.parametrize("watts", [None, 12.0])
def test_a_sweep_of_which_no_cell_has_an_energy_says_so_in_one_line(watts):
    runs = [replace(run, hidden=size, watts=watts) for run in ON_VIRTUAL_CPU for size in (64, 128)]
    text = sweep(measured(runs))

    assert text.count(f"energy, CPU package: unavailable ({VIRTUAL})") == 1
    assert ("energy, CPU, estimated for 4 cells" in text) == (watts is not None)
    assert "mJ" not in text


def test_cells_on_two_kinds_of_devices_have_lines_of_their_own():
    boards = [Run(joules=0.1, hidden=size) for size in (64, 128)]
    packages = [Run(device="cpu", scope="package", why=VIRTUAL, hidden=size) for size in (64, 128)]
    text = sweep(measured([*boards, *packages]))

    assert "least energy, GPU board: " in text
    assert f"energy, CPU package: unavailable ({VIRTUAL})" in text

"""Take models apart: from a request to captures, one fresh process each."""

from collections.abc import Sequence
from stopwatt.measuring.job import Job, JobKind
from stopwatt.operators.capture import Capture
from stopwatt.sweeping.executors.process import ProcessExecutor
from stopwatt.sweeping.plan import Plan, Request, make_plan


def run_capture(asked: Request):
    plan = make_plan(asked)
    executor = ProcessExecutor()
    out = []
    for cell in plan.cells:
        o = executor.run(Job(JobKind.CAPTURE, cell, bundle=""), 600)
        print(cell.label, o.answer.status, o.answer.trouble, o.wall_s)
        if o.answer.trouble: print(o.log)
        out.append(o.answer.capture)
    return out

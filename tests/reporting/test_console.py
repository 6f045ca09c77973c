import io

from stopwatt.reporting.console import console_for


def test_a_name_between_colons_is_printed_as_it_was_written():
    stream = io.StringIO()
    console_for(stream).print("the meter process:x: is not there", markup=False)
    assert stream.getvalue() == "the meter process:x: is not there\n"

"""What `import stopwatt` offers, in whatever order it is asked for."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "before", ["", "stopwatt.bench", "from stopwatt.measure import trials", "import stopwatt.measure.trials"]
)
def test_the_function_measure_is_never_hidden_by_the_package_of_that_name(before):
    code = f"import stopwatt\n{before}\nassert callable(stopwatt.measure), stopwatt.measure"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_is_there():
    code = "import stopwatt\nfor name in stopwatt.__all__: getattr(stopwatt, name)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_package_is_cheap():
    code = "import sys, stopwatt\nassert not {'torch', 'numpy', 'sqlalchemy', 'rich'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

"""`python -m stopwatt`: the command line, where the script is not on the PATH."""

from stopwatt.cli import main

main()

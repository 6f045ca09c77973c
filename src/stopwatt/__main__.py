"""`python -m stopwatt`: the command line, where the script is not on the PATH."""

from stopwatt.cli import main

if __name__ == "__main__":
    main()

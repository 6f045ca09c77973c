"""Meters for any code and any program: `with stopwatt.meter() as m:` and `stopwatt meter -- COMMAND`."""

"""Instruments: one interface, one file. They are read in a process of their own, and judged before they are believed."""

"""Instruments: one interface, one file. A process of their own reads them; they are judged before they are believed."""

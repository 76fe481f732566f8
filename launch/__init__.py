"""From a fresh clone to running processes: finding, installing, preparing, starting, watching, ending.

Everything here runs before or beside the program, so it needs nothing but Python's standard library
(`prepare_model.py` alone imports installed packages, in a process of its own). It imports no other folder of the
house: settings reach it as plain values.
"""

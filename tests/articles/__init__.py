"""Each row of the regulations that is behaviour, proved: see `proof.py`."""

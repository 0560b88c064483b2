"""What the sections of compare.py share: taking turns, numbers, tables."""

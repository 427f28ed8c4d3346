"""Similarity of each row's gradient to the target's, fast and slow.

`factored` is what runs; `reference` is the obviously right version it is tested against.
"""

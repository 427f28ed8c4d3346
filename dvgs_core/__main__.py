"""`python -m dvgs_core` is `dvgs`."""

from dvgs_core.cli import main

main()

"""The measured comparisons: `make bench`. Ratios within one run; never asserted in tests."""

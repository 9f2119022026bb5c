"""`make bench-writeback`: puts the checkout on the path and runs tests/bench/writeback/__main__.py."""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    runpy.run_module("tests.bench.writeback", run_name="__main__")

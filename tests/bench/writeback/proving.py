"""People prove who they are and stop before the new password: `python -m tests.bench.writeback.proving PLAN`.

PLAN is the JSON of `tests.bench.writeback.load`. Raises RuntimeError when somebody could not.
"""

import json
import sys

from tests.bench.writeback.load import DirectoryLoad


def main(plan: str) -> None:
    load = DirectoryLoad(json.loads(plan))
    if load.errors:
        raise RuntimeError(load.errors[0])


if __name__ == "__main__":
    main(sys.argv[1])

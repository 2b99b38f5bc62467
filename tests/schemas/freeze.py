"""Keep the schemas of a release and records written with it: `python -m tests.schemas.freeze 0.1.0`.

`test_compatibility.py` holds every later version to them. What is released is never changed.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from tests.schemas.outputs import ROOT, records

RELEASED = Path(__file__).parent / "released"
_KEPT = 40


def main() -> None:
    """Write the release named on the command line."""
    [version] = sys.argv[1:]
    folder = RELEASED / version
    folder.mkdir(parents=True)
    for schema in sorted((ROOT / "schemas" / "json").glob("*.schema.json")):
        shutil.copy(schema, folder)
    with tempfile.TemporaryDirectory() as temporary:
        for name, written in records(Path(temporary), events=600).items():
            lines = (json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in written[-_KEPT:])
            (folder / f"{name}.ndjson").write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()

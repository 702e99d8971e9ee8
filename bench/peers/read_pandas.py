#!/usr/bin/python3
"""pandas.read_csv on files, beside bench_read: a JSON line a file, with its rows and seconds. Needs
python3-pandas (Debian's is 1.5.3)."""
import json
import sys
import time

import pandas

for path in sys.argv[1:]:
    start = time.monotonic()
    frame = pandas.read_csv(path)
    print(json.dumps({
        "file": path, "rows": len(frame), "seconds": time.monotonic() - start,
        "pandas": pandas.__version__
    }), flush=True)
    del frame

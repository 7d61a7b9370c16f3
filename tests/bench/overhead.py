#!/usr/bin/env python3
"""overhead.py: what the journal costs: reconciles and CPU of the operator with and without it, against a control plane of its
own. The program is overhead.rs.
"""

import os
import sys
from pathlib import Path

os.chdir(Path(__file__).resolve().parent.parent.parent)
os.execvp("cargo", ["cargo", "bench", "--quiet", "--bench", "overhead", "--", *sys.argv[1:]])

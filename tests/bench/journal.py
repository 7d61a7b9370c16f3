#!/usr/bin/env python3
"""journal.py: how long pages of a journal of a million transitions take, in SQLite and in a PostgreSQL of its own, and what
appending and pruning cost. The program is journal.rs.
"""

import os
import sys
from pathlib import Path

os.chdir(Path(__file__).resolve().parent.parent.parent)
os.execvp("cargo", ["cargo", "bench", "--quiet", "--bench", "journal", "--", *sys.argv[1:]])

"""From a Whop API key to tables that answer: extract, load, model, tell."""

import gc
import os

# Arrow's own pool keeps what each of the walkers' threads has freed: 70 MB more at the peak. Arrow
# looks here once, when it is imported.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

# Rows are read as millions of small objects, none of them in a cycle: looking for cycles after every
# 700 of them, as Python does, took 7 % of a first load.
gc.set_threshold(50_000)

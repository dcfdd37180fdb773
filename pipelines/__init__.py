"""From a Whop API key to tables that answer: extract, load, model, tell."""

import os

# Arrow's own pool keeps what each of the walkers' threads has freed: 70 MB more at the peak. Arrow
# looks here once, when it is imported.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

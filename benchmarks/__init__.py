"""What whop-elt costs, and what the other ways into a warehouse cost, side by side in one run.

`python -m benchmarks --help` says how to run it; the tables it prints explain themselves. Each
measurement is a function in one of these, registered under the name `--only` takes:

- first_load.py: a first load of payments, with Whop's latency and limit and without
- later_runs.py: runs that find little or nothing changed, and merges into tables of two sizes
- landing.py: from answered pages to rows, with no network in between
- models.py: `dbt build` over a large business
- start_up.py: how long the command line takes to say something

Every measurement runs in a process of its own (child.py), against one simulator (simulator.py).
"""

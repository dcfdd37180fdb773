"""An agent's way to the business, over MCP: the actions of the catalogue, and the numbers.

`command` is the command line's part, `server` speaks the protocol; neither knows a tool. `actions`
makes tools of the catalogue's rows; `numbers`, `explain` and `marts` make those of the warehouse,
which they ask through `asker`, a process of its own, and past `guard`.
"""

"""Dashboards for BI tools: made from the marts, written out for one's own warehouse."""

"""The metric definitions in plain Python, businesses to try them on, the comparison with dbt."""

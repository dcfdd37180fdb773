"""The models on Spark: raw tables and marts are Parquet files in a folder."""

"""Beyond one machine: the store as Parquet, a day decided by Spark on any number of machines, its results brought back.

    store ─export→ snapshot ─run (Spark)→ results ─load→ store

`layout` says what lies in the folders. Spark finds and groups who is due (`gate`, `states`), `deciding` decides a group
of customers with the very functions of a pass, `load` writes what came of it as a pass would.
"""

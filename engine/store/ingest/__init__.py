"""Import: files of other systems into the store, typed by the catalog.

file ─read→ blocks of texts ─convert→ stored columns ─put→ the store
                               └──────── faults ────────→ the rejects file
"""

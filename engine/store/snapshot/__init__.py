"""The columnar snapshot: customers and subscriptions as columns in files, beside the database that has the last word.

One Arrow file a shard (`shard_file`), rows as `pairs` reads them; a journal of customers written since (`journal`);
what of a file is true in a transaction (`current`); files made and kept up to date (`refresh`).
"""

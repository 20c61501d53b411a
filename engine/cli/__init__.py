"""The command `carpe`: one module a family of commands, each thin; the rooms do the work."""

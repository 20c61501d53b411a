"""Analysis of whole rulesets: what is right but probably not meant, each finding proven and shown by an example."""

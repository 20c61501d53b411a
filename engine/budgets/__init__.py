"""Global limits: how many customers a rule may reach and how much it may give away, and who gets what there is."""

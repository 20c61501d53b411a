"""The engine: typed rule → plan → matches → decisions → deliveries, with state and a clock."""

"""What people ask afterwards: which decisions were made, why, and why not."""

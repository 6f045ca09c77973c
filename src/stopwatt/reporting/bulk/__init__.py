"""What people see of a bulk run: while it goes on, at its end, and of two beside each other."""

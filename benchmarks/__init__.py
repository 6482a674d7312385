"""What is measured, always: one command for each table that the documents quote."""

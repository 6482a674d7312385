"""Alarms and metric math as CloudWatch documents them."""

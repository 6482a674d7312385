"""What is known of a judgement before it is run: what a plan will see, what the past says. Not shipped to Lambda."""

"""What rollouts cost and lose: whole rollouts by the real engine on a simulated AWS."""

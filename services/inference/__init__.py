"""A small model server: the AI-powered web application that the stacks deploy and the rehearsal runs."""

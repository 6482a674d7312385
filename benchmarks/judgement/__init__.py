"""How often the judgement is right, beside the judges that are in use elsewhere, on the same made-up traffic."""

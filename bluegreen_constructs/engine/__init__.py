"""The engine: everything that runs in Lambda. Standard library and boto3 only; relative imports only."""

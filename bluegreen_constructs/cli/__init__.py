"""The `bluegreen` command. Nothing here starts Node; boto3 is imported inside the verbs that need it."""

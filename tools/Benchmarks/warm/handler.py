"""The function of the warm-path benchmark: as little as a handler can do and still show that it saw its event."""


def handler(event, context):
    return {"echo": event["n"]}

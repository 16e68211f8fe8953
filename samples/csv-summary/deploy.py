"""Deploys this folder through the Lambda API and calls it twice: cold, then warm. What quickstart shows.

usage: deploy.py ENDPOINT REGION        (credentials as for any AWS client)
"""

import base64
import io
import json
import os
import sys
import time
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

FOLDER = os.path.dirname(os.path.abspath(__file__))
NAME = "csv-summary"
ROLE = "arn:aws:iam::000000000000:role/lambda"


def code():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(os.path.join(FOLDER, "app.py"), "app.py")
        for folder, _, names in os.walk(os.path.join(FOLDER, "data")):
            for name in names:
                path = os.path.join(folder, name)
                archive.write(path, os.path.relpath(path, FOLDER))
    return buffer.getvalue()


def deploy(client):
    # The time of deployment makes each deployment a change, so that the first call after it is a cold one.
    settings = dict(Handler="app.handler", Runtime="python3.11", Role=ROLE, Timeout=10, MemorySize=256,
                    Environment={"Variables": {"DEPLOYED": str(time.time_ns())}})
    try:
        client.create_function(FunctionName=NAME, Code={"ZipFile": code()}, **settings)
        client.get_waiter("function_active_v2").wait(FunctionName=NAME)
    except client.exceptions.ResourceConflictException:
        client.update_function_code(FunctionName=NAME, ZipFile=code())
        client.get_waiter("function_updated_v2").wait(FunctionName=NAME)
        client.update_function_configuration(FunctionName=NAME, **settings)
        client.get_waiter("function_updated_v2").wait(FunctionName=NAME)


def invoke(client, event):
    answer = client.invoke(FunctionName=NAME, Payload=json.dumps(event), LogType="Tail")
    payload = json.load(answer["Payload"])
    if "FunctionError" in answer:
        sys.exit(f"{NAME} failed: {json.dumps(payload)}")
    log = base64.b64decode(answer["LogResult"]).decode()
    return payload, next(line for line in log.splitlines() if line.startswith("REPORT"))


def show(title, payload, report):
    print(f"{title}:")
    print(f"  s3://{payload['bucket']}/{payload['key']}: {payload['rows']} rows")
    for row in payload["first"]:
        print("    " + "  ".join(f"{name}={value}" for name, value in row.items()))
    for column, numbers in payload["columns"].items():
        print(f"    {column:10} min {numbers['min']:8}  max {numbers['max']:8}  mean {numbers['mean']:8}")
    print("  " + report.replace("\t", "  ").strip() + "\n")


def main(endpoint, region):
    client = boto3.client("lambda", endpoint_url=endpoint, region_name=region,
                          config=Config(retries={"max_attempts": 0}, read_timeout=60))
    deploy(client)
    with open(os.path.join(FOLDER, "event.json"), encoding="utf-8") as file:
        event = json.load(file)
    show("cold (a new execution environment)", *invoke(client, event))
    show("warm (the same one, thawed)", *invoke(client, event))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"deploy.py: {error}")

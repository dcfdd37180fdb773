"""A bucket of moto's server on this machine, and keys that may not do everything in it."""

from __future__ import annotations

import json
import logging
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

CREDENTIALS = "DESTINATION__FILESYSTEM__CREDENTIALS__"


@contextmanager
def s3_endpoint() -> Iterator[str]:
    """The address of a server with no bucket in it."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def s3_client(endpoint: str, service: str = "s3") -> Any:
    """boto3's client of it."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )


def new_bucket(endpoint: str) -> str:
    """The address of a folder in an empty bucket."""
    name = f"shop-{uuid.uuid4().hex[:8]}"
    s3_client(endpoint).create_bucket(Bucket=name)
    return f"s3://{name}/warehouse"


def s3_settings(endpoint: str) -> dict[str, str]:
    """What must be in the environment to reach it with a key that may do everything."""
    return {
        f"{CREDENTIALS}AWS_ACCESS_KEY_ID": "key",
        f"{CREDENTIALS}AWS_SECRET_ACCESS_KEY": "secret",
        f"{CREDENTIALS}REGION_NAME": "us-east-1",
        f"{CREDENTIALS}ENDPOINT_URL": endpoint,
    }


@contextmanager
def s3_key(endpoint: str, *allowed: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """A key with these rights; the server heeds permissions while the block runs.

    Args:
        endpoint: the server.
        allowed: `Action` and `Resource` of each statement, as IAM has them.
    """
    iam = s3_client(endpoint, "iam")
    name = f"reader-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    statements = [{"Effect": "Allow", **each} for each in allowed]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName=name, PolicyName="reads", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]

    def unheeded(requests: str) -> None:
        asked = urllib.request.Request(
            f"{endpoint}/moto-api/reset-auth", requests.encode(), {"Content-Type": "text/plain"}
        )
        urllib.request.urlopen(asked).close()

    unheeded("0")
    try:
        yield {
            f"{CREDENTIALS}AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            f"{CREDENTIALS}AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }
    finally:
        unheeded("1000000")

#!/usr/bin/python3
"""Sends a message to a room over HTTP: RABBLE_TOKEN=… say.py general 'Build 7 is done' [name]"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

url = os.environ.get("RABBLE_URL", "http://127.0.0.1:8080")
room, text = sys.argv[1:3]
name = sys.argv[3] if len(sys.argv) > 3 else str(uuid.uuid4())

request = urllib.request.Request(
    f"{url}/api/rooms/{urllib.parse.quote(room, safe='')}/messages",
    data=json.dumps({"text": text}).encode(),
    headers={
        "Authorization": f"Bearer {os.environ['RABBLE_TOKEN']}",
        "Content-Type": "application/json",
        "Idempotency-Key": name,
    },
)


def say(attempts: int = 10) -> str:
    """Sends the message until there is an answer. The name makes that safe: it identifies the message."""
    for attempt in range(1, attempts + 1):
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return json.load(response)["id"]
        except urllib.error.HTTPError as error:
            if (error.code < 500 and error.code != 429) or attempt == attempts:
                sys.exit(error.read().decode())
        except OSError as error:
            if attempt == attempts:
                sys.exit(str(error))
        time.sleep(1)
    raise AssertionError


print(say())

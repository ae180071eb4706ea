#!/usr/bin/python3
"""Puts a notification into the queue: notify.py '{"room": "general", "message": "Build 7 is done"}' [name]"""

import os
import sys
import uuid

import pika

url = os.environ.get("RABBLE_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
body = sys.argv[1]
name = sys.argv[2] if len(sys.argv) > 2 else str(uuid.uuid4())

connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
# From here on basic_publish waits for the broker's confirm. It raises an error if the broker refuses the message, or if there
# is no queue behind the exchange (mandatory). Publish it again with the same name then. It is delivered to the room once.
channel.confirm_delivery()
channel.basic_publish(
    exchange="rabble.notify",
    routing_key="",
    body=body.encode(),
    mandatory=True,
    properties=pika.BasicProperties(
        content_type="application/json",
        delivery_mode=2,  # persistent
        message_id=name,
    ),
)
connection.close()
print(name)

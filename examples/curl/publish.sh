#!/usr/bin/env bash
# Publishes over HTTP:
#   publish.sh notify '{"room": "general", "text": "Build 7 is done"}' [name]
#   publish.sh rooms/general/messages '{"text": "Build 7 is done"}' [name]
set -euo pipefail

url=${RABBLE_URL:-http://127.0.0.1:8080}
: "${RABBLE_TOKEN:?must be a token with the role service}"
path=$1 body=$2 name=${3:-$(cat /proc/sys/kernel/random/uuid)}

# The name makes a retry safe, even if the message has been published already. curl retries after a lost connection, on 429
# and on 5xx, and waits as long as `retry-after` says. The token comes from a file, because other users can see arguments.
curl --silent --show-error --fail-with-body --max-time 10 --retry 5 --retry-connrefused \
  --header @<(printf 'Authorization: Bearer %s\n' "$RABBLE_TOKEN") \
  --header "Idempotency-Key: $name" \
  --header 'Content-Type: application/json' \
  --data "$body" \
  "$url/api/$path"
echo

"""Our signatures against botocore's, on random requests: sign_oracle.py <sign_tool> [requests]. Ends with 77 where botocore is not there."""

import datetime
import json
import random
import string
import subprocess
import sys

try:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    print("skipped: botocore is not installed for " + sys.executable)
    sys.exit(77)

SEED = 20261123
UNRESERVED = string.ascii_letters + string.digits + "-._~"
IN_A_PATH = UNRESERVED + "!$&'()*+,;=:@"
NAMES = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_"
NOT_SIGNED = {"date", "expect", "te", "baggage", "host"}  # botocore leaves some of them out: they are of the connection


def text(source: random.Random, alphabet: str, least: int, most: int) -> str:
    return "".join(source.choices(alphabet, k=source.randint(least, most)))


def path(source: random.Random) -> str:
    segments = []
    for _ in range(source.randint(0, 6)):
        segments.append(source.choice([".", "..", "", "%20", "%C3%A9", "ü", text(source, IN_A_PATH, 1, 12)]))
    return "/" + "/".join(segments)


def query(source: random.Random) -> str:
    pairs = []
    for _ in range(source.randint(0, 5)):
        name = text(source, UNRESERVED, 1, 2) + source.choice(["", "%20", "%2F"])
        pairs.append(name + source.choice(["", "=", "=" + text(source, UNRESERVED + "+=:", 0, 8)]))
    return "&".join(pairs)


def headers(source: random.Random) -> list[tuple[str, str]]:
    many = []
    for _ in range(source.randint(0, 6)):
        name = text(source, NAMES, 1, 6)
        if name.lower() not in NOT_SIGNED:
            many.append((name, text(source, "ab\"',;=  \t", 0, 20)))
    if many and source.random() < 0.3:
        name = source.choice(many)[0]
        many.append((source.choice([name, name.upper()]), text(source, "xyz ", 0, 5)))
    return many


def request(source: random.Random) -> dict[str, object]:
    return {
        "method": source.choice(["GET", "POST", "PUT", "DELETE"]),
        "host": text(source, string.ascii_lowercase + string.digits, 1, 20) + source.choice([".example", ".amazonaws.com:8000", ":4566"]),
        "path": path(source),
        "query": query(source),
        "headers": headers(source),
        "body": text(source, UNRESERVED + '{}":, \n€ü\U0001f600', 0, source.choice([0, 10, 300])),
        "key_id": text(source, string.ascii_uppercase, 16, 20),
        "secret": source.choice(["s", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", text(source, UNRESERVED + "/+", 1, 100)]),
        "token": source.choice(["", text(source, UNRESERVED + "/+=", 1, 900)]),
        "region": source.choice(["us-east-1", "eu-west-1", "cn-north-1"]),
        "service": source.choice(["dynamodb", "sts", "service"]),
        "time": source.randint(0, 4_000_000_000),
    }


def expected(given: dict) -> tuple[str, str]:
    """What botocore makes of it, with a time that is given: the steps of its add_auth()."""
    url = f"https://{given['host']}{given['path']}" + (f"?{given['query']}" if given["query"] else "")
    made = AWSRequest(method=given["method"], url=url, data=given["body"].encode())
    for name, value in given["headers"]:
        made.headers[name] = value
    moment = datetime.datetime.fromtimestamp(given["time"], datetime.timezone.utc)
    made.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")
    auth = SigV4Auth(Credentials(given["key_id"], given["secret"], given["token"] or None), given["service"], given["region"])
    auth._modify_request_before_signing(made)
    canonical = auth.canonical_request(made)
    auth._inject_signature_to_request(made, auth.signature(auth.string_to_sign(made, canonical), made))
    return canonical, made.headers["Authorization"]


def main() -> int:
    source = random.Random(SEED)
    requests = [request(source) for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)]
    lines = "".join(json.dumps(one) + "\n" for one in requests)
    done = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(requests):
        print(f"{len(requests)} requests, {len(answers)} answers")
        return 1
    for number, (given, ours) in enumerate(zip(requests, answers)):
        canonical, authorization = expected(given)
        if ours != {"canonical": canonical, "authorization": authorization}:
            print(f"request {number} of seed {SEED}: {json.dumps(given)}\n\nbotocore:\n{canonical}\n{authorization}\n\nours:\n{ours['canonical']}\n{ours['authorization']}")
            return 1
    print(f"{len(requests)} signatures are botocore's")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Our settings and credentials against botocore's: chain_oracle.py <chain_tool>. Ends with 77 where botocore is not there.

Whole environments are tried, with real files, programs and services on the loopback; then the shared files alone, as random texts."""

from __future__ import annotations

import http.server
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading

try:
    import botocore.configloader
    import botocore.session
except ImportError:
    print("skipped: botocore is not installed for " + sys.executable)
    sys.exit(77)

SEED = 20261123
LATER = "2036-11-23T07:34:38Z"
KEYS = "aws_access_key_id = {0}\naws_secret_access_key = {0}-secret\n"


class Services(http.server.BaseHTTPRequestHandler):
    """A container's credentials and STS."""

    def do_GET(self) -> None:
        self.reply(json.dumps({"AccessKeyId": "container", "SecretAccessKey": "s", "Token": "t", "Expiration": LATER}))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        signer = self.headers.get("Authorization", "Credential=nobody/").split("Credential=")[1].split("/")[0]
        action = "AssumeRoleWithWebIdentity" if "WithWebIdentity" in body else "AssumeRole"
        self.reply(
            f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result><Credentials><AccessKeyId>role-by-{signer}</AccessKeyId>'
            f"<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>{LATER}</Expiration></Credentials></{action}Result></{action}Response>"
        )

    def reply(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


def cases(home: pathlib.Path, url: str) -> list[tuple[str, dict[str, str], str, str]]:
    """What is tried, the environment, the config file, the credentials file."""
    program = home / "program"
    program.write_text('#!/bin/sh\necho \'{"Version": 1, "AccessKeyId": "program", "SecretAccessKey": "s", "SessionToken": "t"}\'\n')
    program.chmod(0o700)
    (home / "token").write_text("identity")
    env = {"AWS_ACCESS_KEY_ID": "env", "AWS_SECRET_ACCESS_KEY": "s"}
    container = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": url + "/c"}
    sts = {"AWS_ENDPOINT_URL_STS": url}
    web = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(home / "token"), "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/web", **sts}
    region = "region = eu-west-1\n"
    process = f"credential_process = {program} x\n"
    role = "role_arn = arn:aws:iam::123456789012:role/r\n"
    return [
        ("nothing", {}, "", ""),
        ("everything: the environment", {**env, **container, **web}, "[default]\n" + region + process + KEYS.format("config"), "[default]\n" + KEYS.format("file")),
        ("a token of the environment", {**env, "AWS_SESSION_TOKEN": "t"}, "", ""),
        ("the old name of a token", {**env, "AWS_SECURITY_TOKEN": "old", "AWS_SESSION_TOKEN": "t"}, "", ""),
        ("the environment although a profile is named", {**env, "AWS_PROFILE": "p"}, "", "[p]\n" + KEYS.format("p")),
        ("everything else: web identity", {**container, **web}, "[default]\n" + region + process + KEYS.format("config"), "[default]\n" + KEYS.format("file")),
        ("the credentials file", {**container}, "[default]\n" + process + KEYS.format("config"), "[default]\n" + KEYS.format("file")),
        ("a program", {**container}, "[default]\n" + process + KEYS.format("config"), ""),
        ("the config file", {**container}, "[default]\n" + KEYS.format("config"), ""),
        ("a container", {**container}, "[default]\n" + region, ""),
        ("a role", {**sts, "AWS_PROFILE": "r"}, "[profile r]\n" + region + role + "source_profile = b\n", "[b]\n" + KEYS.format("b")),
        ("a role before web identity", {**web, "AWS_PROFILE": "r"}, "[profile r]\n" + region + role + "source_profile = b\n", "[b]\n" + KEYS.format("b")),
        ("a role of itself", {**sts, "AWS_PROFILE": "r"}, "[profile r]\n" + region + role + "source_profile = r\n" + KEYS.format("r"), ""),
        ("a role by a program", {**sts, "AWS_PROFILE": "r"}, "[profile r]\n" + region + role + "source_profile = b\n[profile b]\n" + process, ""),
        ("a role of a role", {**sts, "AWS_PROFILE": "r"}, f"[profile r]\n{region}{role}source_profile = b\n[profile b]\n{role}source_profile = c\n", "[c]\n" + KEYS.format("c")),
        ("a role by a container", {**sts, **container}, "[default]\n" + region + role + "credential_source = EcsContainer\n", ""),
        ("a role in the credentials file", {**sts}, "[default]\n" + region, "[default]\n" + role + "source_profile = b\n[b]\n" + KEYS.format("b")),
        ("a web identity of a profile", {**sts}, f"[default]\n{region}{role}web_identity_token_file = {home}/token\n", ""),
        ("two names of a profile", {"AWS_PROFILE": "p", "AWS_DEFAULT_PROFILE": "q"}, "", "[p]\n" + KEYS.format("p") + "[q]\n" + KEYS.format("q")),
        ("keys that both files have", {}, "[default]\nregion = a-b-1\n" + KEYS.format("config"), "[default]\nregion = c-d-1\n" + KEYS.format("file")),
        ("an endpoint of the services", {**env}, "[default]\n" + region + "services = s\nendpoint_url = http://b\n[services s]\ndynamodb =\n  endpoint_url = http://a\n", ""),
        ("an endpoint of the profile", {**env}, "[default]\n" + region + "endpoint_url = http://b:1/\n", ""),
        ("endpoints that are ignored", {**env, "AWS_ENDPOINT_URL": "http://b", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "[default]\n" + region, ""),
        ("FIPS", {**env, "AWS_USE_FIPS_ENDPOINT": "true", "AWS_DEFAULT_REGION": "us-gov-east-1"}, "", ""),
        ("FIPS and dual stack", {**env, "AWS_USE_FIPS_ENDPOINT": "true", "AWS_DEFAULT_REGION": "eu-west-1"}, "[default]\nuse_dualstack_endpoint = true\n", ""),
        ("FIPS and dual stack of the government", {**env, "AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_DEFAULT_REGION": "us-gov-east-1"}, "", ""),
        ("dual stack in China", {**env, "AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_DEFAULT_REGION": "cn-northwest-1"}, "", ""),
        ("China", {**env, "AWS_DEFAULT_REGION": "cn-north-1"}, "", ""),
    ]


def of_botocore() -> dict[str, str]:
    session = botocore.session.Session()
    out: dict[str, str] = {}
    found = session.get_credentials()
    if found:
        frozen = found.get_frozen_credentials()
        out.update(key_id=frozen.access_key, secret=frozen.secret_key, token=frozen.token or "")
    region = session.get_config_variable("region")
    if region:
        out.update(region=region, endpoint=endpoint_of(session))
    return out


class Sent(Exception):
    """Where a request would have gone."""


def endpoint_of(session: botocore.session.Session) -> str:
    client = session.create_client("dynamodb")

    def stop(request, **_: object) -> None:
        raise Sent(request.url.rstrip("/"))

    client.meta.events.register("before-send.dynamodb", stop)
    try:
        client.list_tables()
    except Sent as sent:
        return str(sent)
    raise AssertionError("no request was made")


def ours(tool: str) -> dict:
    return json.loads(subprocess.run([tool], capture_output=True, text=True, check=True).stdout)


def write(home: pathlib.Path, config: str, credentials: str) -> None:
    (home / ".aws").mkdir(exist_ok=True)
    (home / ".aws" / "config").write_text(config)
    (home / ".aws" / "credentials").write_text(credentials)


def check_case(tool: str, home: pathlib.Path, case: tuple[str, dict[str, str], str, str]) -> bool:
    what, variables, config, credentials = case
    write(home, config, credentials)
    os.environ.clear()
    os.environ.update({"HOME": str(home), "PATH": "/usr/bin:/bin", "AWS_EC2_METADATA_DISABLED": "true", **variables})
    theirs = of_botocore()
    all_of_ours = ours(tool)
    mine = {key: all_of_ours[key] for key in ("key_id", "secret", "token") if key in all_of_ours}
    mine.update({key: all_of_ours[key] for key in ("region", "endpoint") if key in theirs})
    if mine != theirs:
        print(f"{what}:\nbotocore: {theirs}\nours: {all_of_ours}")
    return mine == theirs


def random_file(source: random.Random) -> str:
    """A file that botocore reads without a complaint."""
    lines = []
    names = ["default", "profile a", "profile 'b c'", 'profile "d"', "services s", "sso-session t", "other", "profile e f"]
    for name in source.sample(names, source.randint(1, len(names))):
        lines += source.choice([[], ["# comment"], ["", "  ; comment"]]) + [f"[{name}]" + source.choice(["", " ", "  # behind"])]
        for key in source.sample(["region", "Output", "s3", "credential_process", "x.y", "endpoint_url"], source.randint(0, 4)):
            sign = source.choice(["=", " = ", ":", " : ", "= "])
            if source.random() < 0.3:
                lines.append(key + sign)
                lines += [source.choice(["  ", "\t", "    "]) + f"k{n}{source.choice(['=', ' = '])}v {n}= x" for n in range(source.randint(0, 3))]
            else:
                lines.append(key + sign + source.choice(["v", "a b  c", "x=y", "p:q", "'q' # no comment", "ü€", "[x]"]))
                lines += source.choice([[], [], ["  more"], ["", "  more = x"], ["# comment"]])
    return source.choice(["\n", "\r\n"]).join(lines) + source.choice(["", "\n"])


def flat(section: dict) -> dict[str, str]:
    out: dict[str, str] = {}
    for key, value in section.items():
        if isinstance(value, dict):
            out.update({f"{key}.{inner}": text for inner, text in value.items()})
        elif value:
            out[key] = value
    return out


def sections(tree: dict) -> dict[str, dict[str, str]]:
    return {name: settings for name, section in tree.items() if (settings := flat(section))}


def check_files(tool: str, home: pathlib.Path, source: random.Random) -> bool:
    write(home, random_file(source), random_file(source))
    loaded = botocore.configloader.load_config(str(home / ".aws" / "config"))
    config = {**loaded["profiles"], **{f"services {n}": s for n, s in loaded["services"].items()}}
    config.update({f"sso-session {n}": s for n, s in loaded["sso_sessions"].items()})
    theirs = {"config": sections(config), "credentials": sections(botocore.configloader.raw_config_parse(str(home / ".aws" / "credentials")))}
    mine = ours(tool)
    same = {key: sections(mine[key]) for key in theirs} == theirs
    if not same:
        print(f"{home}/.aws of seed {SEED}:\n{(home / '.aws/config').read_text()}\nbotocore: {theirs}\nours: {mine}")
    return same


def main() -> int:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Services)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tool = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory(prefix="cacherator-test-") as folder:
        home = pathlib.Path(folder)
        tried = cases(home, f"http://127.0.0.1:{server.server_port}")
        wrong = sum(not check_case(tool, home, case) for case in tried)
        source = random.Random(SEED)
        os.environ.clear()
        os.environ.update({"HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"})
        files = next((number for number in range(500) if not check_files(tool, home, source)), 500)
    print(f"{len(tried) - wrong} of {len(tried)} environments and {files} of 500 pairs of files are read as botocore reads them")
    return 0 if not wrong and files == 500 else 1


if __name__ == "__main__":
    sys.exit(main())

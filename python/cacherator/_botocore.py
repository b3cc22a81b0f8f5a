"""Prints the credentials that botocore's chain finds, as a credential_process does: run by the engine where its own chain found none.

SSO and the like are botocore's. It is a program of its own, so that the engine's threads need no interpreter.
"""

from __future__ import annotations


def main() -> None:
    import json
    import os
    import sys

    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != os.path.dirname(os.path.abspath(__file__))]
    from botocore.session import Session  # type: ignore[import-not-found,import-untyped,unused-ignore]

    found = Session().get_credentials()
    if found is None:
        sys.exit("botocore found no credentials")
    frozen = found.get_frozen_credentials()
    said = {"Version": 1, "AccessKeyId": frozen.access_key, "SecretAccessKey": frozen.secret_key}
    if frozen.token:
        said["SessionToken"] = frozen.token
    expires = getattr(found, "_expiry_time", None)
    if expires is not None:
        said["Expiration"] = expires.isoformat()
    print(json.dumps(said))


if __name__ == "__main__":
    main()

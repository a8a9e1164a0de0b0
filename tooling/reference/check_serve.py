#!/usr/bin/env python
"""schemathesis against a server: it starts `serve` with a tiny bundle and a store of events, and asks what the server's own OpenAPI document allows, and what it does not.

  check_serve.py --examples 100

Exits with schemathesis' code: 0 when no answer was a crash, of a status, content type or body that the document does not declare, or of a method that should be refused.
"""
import argparse, subprocess, sys, tempfile, time, urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NODE = ["node", "--conditions=source", "--import", "tsx"]
SAVE = 'import("@corella/bundle/testing").then(({ saveTinyBundle }) => saveTinyBundle(process.argv[1]))'
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance,unsupported_method"

def start(folder):
    """The server and its URL, once it is ready."""
    bundle = folder / "bundle"
    subprocess.run([*NODE, "--eval", SAVE, str(bundle)], cwd=ROOT / "apps/serve", check=True)
    command = [*NODE, "apps/serve/src/main.ts", "--bundle", str(bundle), "--port", "0", "--store", str(folder / "events.db")]
    server = subprocess.Popen(command, cwd=ROOT, stdout=(folder / "log").open("w"), stderr=subprocess.STDOUT)
    while server.poll() is None:
        for line in (folder / "log").read_text().splitlines():
            if line.startswith("corella serves "):
                return server, line.split(" at ")[1].split(" ")[0]
        time.sleep(0.1)
    sys.exit((folder / "log").read_text())

def main():
    options = argparse.ArgumentParser()
    options.add_argument("--examples", type=int, default=100, help="most requests of each kind, for each endpoint")
    options.add_argument("--seed", type=int)
    given = options.parse_args()
    schemathesis = Path(sys.executable).with_name("schemathesis")
    with tempfile.TemporaryDirectory() as name:
        server, url = start(Path(name))
        try:
            seed = [] if given.seed is None else ["--seed", str(given.seed)]
            command = [schemathesis, "run", f"{url}/openapi.json", "--checks", CHECKS, "--mode", "all", "--max-examples", str(given.examples), *seed]
            code = subprocess.run(command, cwd=name).returncode
            with urllib.request.urlopen(f"{url}/health/ready") as ready:
                assert ready.status == 200
        finally:
            server.terminate()
            server.wait()
            defects = [line for line in (Path(name) / "log").read_text().splitlines() if "error [" in line or " 500 " in line]
            print(*defects[:20], sep="\n")
    return code

if __name__ == "__main__":
    sys.exit(main())

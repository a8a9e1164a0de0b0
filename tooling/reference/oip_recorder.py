"""A proxy on this machine that writes down what a client of the Open Inference Protocol sends, byte for byte, and what it is answered."""

import base64
import http.client
import http.server
import json
import threading

# These name the machine or the connection, and say nothing about the protocol.
LEFT_OUT = {"host", "connection", "user-agent", "content-length", "date", "keep-alive", "transfer-encoding"}


def told(headers):
    return {name.lower(): value for name, value in headers.items() if name.lower() not in LEFT_OUT}


def body_of(data):
    """Text where it is text, otherwise base64."""
    try:
        return {"text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


class Recorder:
    """Stands before a server at host:port; `call` names what is recorded next."""

    def __init__(self, target):
        self.entries = []
        self.call = ""
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                sent = self.rfile.read(int(self.headers.get("content-length", 0)))
                connection = http.client.HTTPConnection(target)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
                connection.request(self.command, self.path, sent or None, headers)
                response = connection.getresponse()
                answer = response.read()
                connection.close()
                recorder.entries.append(
                    {
                        "call": recorder.call,
                        "request": {
                            "method": self.command,
                            "path": self.path,
                            "headers": told(self.headers),
                            **body_of(sent),
                        },
                        "response": {"status": response.status, "headers": told(response.headers), **body_of(answer)},
                    }
                )
                self.send_response(response.status)
                for name, value in response.headers.items():
                    if name.lower() not in LEFT_OUT:
                        self.send_header(name, value)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = forward

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def save(self, path, versions, model_version):
        """@param versions of the client's packages"""
        with open(path, "w") as file:
            told = {"client": versions, "modelVersion": model_version, "exchanges": self.entries}
            json.dump(told, file, indent=1, ensure_ascii=False)
            file.write("\n")

"""The CRM of a bundle behind FastAPI, uvicorn and onnxruntime: what one would glue by hand.

Serves `crm.onnx` of the folder. The inputs of a sample are looked up in `rows.safetensors`, whose keys stand in `samples.jsonl`: a feature
store that answers at once and for nothing.
"""

import argparse
import json
import os
import socket

import numpy as np
import onnxruntime as ort
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from safetensors.numpy import load_file

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--threads", type=int, default=1)
arguments = parser.parse_args()

options = ort.SessionOptions()
options.intra_op_num_threads = arguments.threads
options.inter_op_num_threads = 1
options.add_session_config_entry("session.intra_op.allow_spinning", "0")
session = ort.InferenceSession(os.path.join(arguments.folder, "crm.onnx"), options, providers=["CPUExecutionProvider"])
wanted = {value.name for value in session.get_inputs()}
rows = {name: values for name, values in load_file(os.path.join(arguments.folder, "rows.safetensors")).items() if name in wanted}
with open(os.path.join(arguments.folder, "samples.jsonl"), encoding="utf8") as lines:
    samples = [json.loads(line) for line in lines]
places = {(sample["user"], sample["item"]): place for place, sample in enumerate(samples)}

app = FastAPI()


class Sample(BaseModel):
    user: str
    item: str
    time: int


@app.post("/v1/score")
async def score(sample: Sample):
    # In the event loop: a thread for half a millisecond of work costs more than it saves.
    place = places[sample.user, sample.item]
    feeds = {name: values[place : place + 1] for name, values in rows.items()}
    (probability,) = session.run(["output.probability"], feeds)
    return {"probability": float(np.asarray(probability).reshape(-1)[0])}


listening = socket.socket()
listening.bind(("127.0.0.1", 0))
print(f"serves at http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listening])

"""Every call of KServe's REST client on a server with the bundle `tiny` of @corella/bundle/testing, by version 2 of the protocol.

  python oip_kserve.py --server 127.0.0.1:8080 [--record ../../apps/serve/src/oip/goldens/kserve.json]

Ends with an error where an answer is not what the client promises its users.
"""

import argparse
import asyncio
from importlib.metadata import version as installed

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from oip_recorder import Recorder

USERS = ["user-4", "user-1", "", "nobody known"]
ITEMS = ["item-3", "item-0", "item-7", "größer"]
NAMES = ["probability", "p_crm", "p_llm", "entropy", "degraded", "route"]


def bytes_input(name, values, binary, shape=None):
    array = np.array([value.encode() for value in values], dtype=np.object_).reshape(shape or [len(values), 1])
    tensor = InferInput(name, list(array.shape), "BYTES")
    tensor.set_data_from_numpy(array, binary_data=binary)
    return tensor


def request(binary=True, **options):
    inputs = [bytes_input("user", USERS, binary), bytes_input("item", ITEMS, binary)]
    return InferRequest("tiny", inputs, **options)


def arrays(response, rows=len(ITEMS), names=NAMES):
    assert response.model_name == "tiny"
    assert [output.name for output in response.outputs] == names
    answers = {}
    for output in response.outputs:
        array = output.as_numpy()
        assert array.size == rows and list(output.shape) == [rows, 1], (output.name, array.shape)
        answers[output.name] = array.flatten()
    return answers


def all_equal(left, right):
    for name, a in left.items():
        b = right[name]
        if name == "route":
            text = lambda x: x.decode() if isinstance(x, bytes) else x
            assert [text(x) for x in a] == [text(x) for x in b]
        else:
            np.testing.assert_allclose(a.astype(np.float64), b.astype(np.float64), atol=1e-6, equal_nan=True)


async def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--server", required=True)
    arguments.add_argument("--record")
    options = arguments.parse_args()
    recorder = Recorder(options.server)
    url = f"http://{recorder.address}"
    client = InferenceRESTClient(RESTConfig(protocol="v2"))

    async def call(name, method, *args, **kwargs):
        recorder.call = name
        return await method(url, *args, **kwargs)

    async def refused(name, status, begins, *args, **kwargs):
        try:
            await call(name, client.infer, *args, **kwargs)
        except httpx.HTTPStatusError as error:
            assert error.response.status_code == status, (name, str(error))
            assert str(error).startswith(begins), (name, str(error))
            return
        raise AssertionError(f"{name} was not refused")

    version = httpx.get(f"http://{options.server}/v2/models/tiny").json()["versions"][0]
    assert await call("is_server_live", client.is_server_live) is True
    assert await call("is_server_ready", client.is_server_ready) is True
    assert await call("is_model_ready", client.is_model_ready, "tiny") is True
    assert await call("is_model_ready, unknown", client.is_model_ready, "other") is False

    async def infer(name, data, **kwargs):
        return await call(name, client.infer, data, model_name="tiny", **kwargs)

    headers = {}
    first = arrays(await infer("infer", request(), response_headers=headers))
    assert headers["content-type"] == "application/json"
    assert first["probability"].dtype == np.float32 and first["degraded"].dtype == np.bool_
    np.testing.assert_array_equal(np.isnan(first["p_llm"]), [x in ("crm", b"crm") for x in first["route"]])
    all_equal(arrays(await infer("infer, inputs JSON", request(binary=False))), first)
    binary = request(parameters={"binary_data_output": True})
    all_equal(arrays(await infer("infer, outputs binary", binary, response_headers=headers)), first)
    assert headers["content-type"] == "application/octet-stream"
    mixed = [RequestedOutput("route", {"binary_data": True}), RequestedOutput("p_llm", {"binary_data": False})]
    some = await infer("infer, some outputs", request(request_id="mine", request_outputs=mixed))
    assert some.id == "mine"
    all_equal(arrays(some, names=["route", "p_llm"]), first)
    record = bytes_input("record", ['{"item":"item-3","user":"user-4"}'], True)
    records = arrays(await infer("infer, records", InferRequest("tiny", [record])), 1)
    np.testing.assert_allclose(records["probability"], first["probability"][:1], atol=1e-6)
    empty = InferRequest("tiny", [bytes_input("item", [], True, [0, 1])])
    arrays(await infer("infer, empty", empty), 0)
    plain = {
        "inputs": [
            {"name": name, "shape": [4, 1], "datatype": "BYTES", "data": values}
            for name, values in (("user", USERS), ("item", ITEMS))
        ]
    }
    all_equal(arrays(await infer("infer, dict", plain)), first)

    model = dict(model_name="tiny")
    item = bytes_input("item", ITEMS, True)
    number = InferInput("item", [1, 1], "FP32")
    number.set_data_from_numpy(np.array([[1]], dtype=np.float32), binary_data=True)
    one = lambda tensor, **more: InferRequest("tiny", [tensor], **more)
    await refused("infer, unknown model", 404, "Request for unknown model: 'a/b' is not found", one(item), model_name="a/b")
    await refused(
        "infer, shape",
        400,
        "unexpected shape for input 'item' for model 'tiny'. Expected [-1,1], got [2,2]",
        one(bytes_input("item", ITEMS, True, [2, 2])),
        **model,
    )
    await refused(
        "infer, type",
        400,
        "inference input 'item' data-type is 'FP32', but model 'tiny' expects 'BYTES'",
        one(number),
        **model,
    )
    await refused(
        "infer, unknown output",
        400,
        "unexpected inference output 'score' for model 'tiny'",
        one(item, request_outputs=[RequestedOutput("score")]),
        **model,
    )
    await client.close()
    print(f"kserve: {len(recorder.entries)} requests")
    if options.record:
        recorder.save(options.record, {name: installed(name) for name in ("kserve", "httpx")}, version)


if __name__ == "__main__":
    asyncio.run(main())

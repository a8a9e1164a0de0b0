"""Every call of tritonclient's HTTP clients, the plain one and the one for asyncio, on a server with the bundle `tiny` of @corella/bundle/testing.

  python oip_triton.py --server 127.0.0.1:8080 [--record ../../apps/serve/src/oip/goldens/tritonclient.json]

Ends with an error where an answer is not what the client promises its users.
"""

import argparse
import asyncio
import inspect
from importlib.metadata import version as installed

import numpy as np
import tritonclient.http
import tritonclient.http.aio
from oip_recorder import Recorder
from tritonclient.http import InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

USERS = ["user-4", "user-1", "", "nobody known"]
ITEMS = ["item-3", "item-0", "item-7", "größer"]
NAMES = ["probability", "p_crm", "p_llm", "entropy", "degraded", "route"]
DTYPES = {"degraded": np.bool_, "route": np.object_}


def bytes_input(name, values, shape=None, binary=True):
    array = np.array([value.encode() for value in values], dtype=np.object_).reshape(shape or [len(values), 1])
    return InferInput(name, list(array.shape), "BYTES").set_data_from_numpy(array, binary_data=binary)


def samples(binary=True, shape=None):
    return [bytes_input("user", USERS, shape, binary), bytes_input("item", ITEMS, shape, binary)]


def all_equal(left, right, names=NAMES):
    for name in names:
        a, b = left.as_numpy(name), right.as_numpy(name)
        assert a.shape == b.shape and a.dtype == b.dtype, name
        if a.dtype == np.float32:
            np.testing.assert_allclose(a, b, atol=1e-6, equal_nan=True)
        else:
            # JSON's texts are str, those of binary data bytes.
            text = lambda x: x.decode() if isinstance(x, bytes) else x
            assert [text(x) for x in a.flatten()] == [text(x) for x in b.flatten()], name


def whole(result, rows=len(ITEMS)):
    for name in NAMES:
        array = result.as_numpy(name)
        assert array.shape == (rows, 1), (name, array.shape)
        assert array.dtype == DTYPES.get(name, np.float32), (name, array.dtype)
    p, p_crm, p_llm = (result.as_numpy(name) for name in NAMES[:3])
    by_llm = np.array([x in (b"llm", "llm") for x in result.as_numpy("route").flatten()], dtype=bool).reshape(-1, 1)
    np.testing.assert_array_equal(np.isnan(p_llm), ~by_llm)
    np.testing.assert_array_equal(p, np.where(by_llm, p_llm, p_crm))
    assert not result.as_numpy("degraded").any()
    return result


async def every_call(client, call):
    """@param call names what is recorded and awaits it where it must be"""
    version = (await call("get_model_metadata", client.get_model_metadata, "tiny"))["versions"][0]

    async def refused(name, status, begins, method, *args, **kwargs):
        try:
            await call(name, method, *args, **kwargs)
        except InferenceServerException as error:
            assert error.status() == str(status), (name, error.status(), error.message())
            assert error.message().startswith(begins), (name, error.message())
            assert str(error).startswith(f"[{status}] {begins}"), str(error)
            return
        raise AssertionError(f"{name} was not refused")

    assert await call("is_server_live", client.is_server_live)
    assert await call("is_server_ready", client.is_server_ready)
    assert await call("is_model_ready", client.is_model_ready, "tiny")
    assert await call("is_model_ready, version", client.is_model_ready, "tiny", version)
    assert not await call("is_model_ready, unknown", client.is_model_ready, "other")
    server = await call("get_server_metadata", client.get_server_metadata)
    assert server["name"] == "corella" and "binary_tensor_data" in server["extensions"]
    metadata = await call("get_model_metadata, version", client.get_model_metadata, "tiny", version)
    assert [output["name"] for output in metadata["outputs"]] == NAMES
    assert all(tensor["shape"] == [-1, 1] for tensor in metadata["inputs"] + metadata["outputs"])
    config = await call("get_model_config", client.get_model_config, "tiny")
    assert config == await call("get_model_config, version", client.get_model_config, "tiny", version)
    assert config["max_batch_size"] == 1000 and config["input"][0]["data_type"] == "TYPE_STRING"
    index = await call("get_model_repository_index", client.get_model_repository_index)
    assert index == [{"name": "tiny", "version": version, "state": "READY", "reason": ""}]
    await refused("load_model", 503, "explicit model load / unload is not allowed", client.load_model, "tiny")
    await refused("unload_model", 503, "explicit model load / unload is not allowed", client.unload_model, "tiny")

    infer = client.infer
    first = whole(await call("infer", infer, "tiny", samples()))
    assert set(first.as_numpy("route").flatten()) == {b"crm", b"llm"}
    same = [
        ("infer, version", dict(model_version=version)),
        ("infer, request gzip", dict(request_compression_algorithm="gzip")),
        ("infer, request deflate", dict(request_compression_algorithm="deflate")),
        ("infer, answer gzip", dict(response_compression_algorithm="gzip")),
        ("infer, answer deflate", dict(response_compression_algorithm="deflate")),
        (
            "infer, both gzip and deflate",
            dict(request_compression_algorithm="gzip", response_compression_algorithm="deflate"),
        ),
        ("infer, options", dict(priority=1, timeout=60_000_000, parameters={"tenant": "a", "share": 3})),
        ("infer, outputs binary", dict(outputs=[InferRequestedOutput(name) for name in NAMES])),
        ("infer, outputs JSON", dict(outputs=[InferRequestedOutput(name, binary_data=False) for name in NAMES])),
    ]
    for name, options in same:
        all_equal(whole(await call(name, infer, "tiny", samples(), **options)), first)
    all_equal(whole(await call("infer, inputs JSON", infer, "tiny", samples(binary=False))), first)
    all_equal(whole(await call("infer, inputs of one dimension", infer, "tiny", samples(shape=[4]))), first)
    mixed = [InferRequestedOutput("route"), InferRequestedOutput("probability", binary_data=False)]
    result = await call("infer, some outputs", infer, "tiny", samples(), outputs=mixed, request_id="mine")
    all_equal(result, first, ["route", "probability"])
    response = result.get_response()
    response = await response if inspect.isawaitable(response) else response
    assert response["id"] == "mine" and response["model_version"] == version
    assert result.as_numpy("entropy") is None and result.get_output("route")["datatype"] == "BYTES"
    record = bytes_input("record", ['{"item":"item-3","user":"user-4"}', '{"item":"item-0","history":[]}'])
    records = whole(await call("infer, records", infer, "tiny", [record]), 2)
    np.testing.assert_allclose(records.as_numpy("probability")[0], first.as_numpy("probability")[0], atol=1e-6)
    whole(await call("infer, empty", infer, "tiny", [bytes_input("item", [], [0, 1])]), 0)
    always = await call("infer, LLM always", infer, "tiny", samples(), parameters={"llm": "always"})
    assert all(x == b"llm" for x in always.as_numpy("route").flatten())

    item = [bytes_input("item", ITEMS)]
    wrong_type = InferInput("item", [1, 1], "FP32").set_data_from_numpy(np.array([[1]], dtype=np.float32))
    nan = InferInput("item", [1, 1], "FP32").set_data_from_numpy(np.array([[np.nan]], dtype=np.float32), binary_data=False)
    shared = InferInput("item", [1, 1], "BYTES")
    shared.set_shared_memory("region", 8)
    refusals = [
        ("unknown model", 404, "Request for unknown model: 'a/b' is not found", ("a/b", item), {}),
        (
            "unknown version",
            404,
            "Request for unknown model: 'tiny' version '7' is not found",
            ("tiny", item),
            dict(model_version="7"),
        ),
        (
            "shape",
            400,
            "unexpected shape for input 'item' for model 'tiny'. Expected [-1,1], got [2,2]",
            ("tiny", [bytes_input("item", ITEMS, [2, 2])]),
            {},
        ),
        (
            "type",
            400,
            "inference input 'item' data-type is 'FP32', but model 'tiny' expects 'BYTES'",
            ("tiny", [wrong_type]),
            {},
        ),
        (
            "batches",
            400,
            "input 'item' batch size does not match other inputs for 'tiny'",
            ("tiny", [bytes_input("user", USERS[:1]), *item]),
            {},
        ),
        (
            "large batch",
            400,
            "inference request batch-size must be <= 1000 for 'tiny'",
            ("tiny", [bytes_input("item", ["i"] * 1001)]),
            {},
        ),
        (
            "unknown input",
            400,
            "unexpected inference input 'film' for model 'tiny'",
            ("tiny", [bytes_input("film", ITEMS)]),
            {},
        ),
        (
            "unknown output",
            400,
            "unexpected inference output 'score' for model 'tiny'",
            ("tiny", item),
            dict(outputs=[InferRequestedOutput("score")]),
        ),
        ("no item", 400, "expected inputs 'item'", ("tiny", [bytes_input("user", USERS)]), {}),
        ("NaN in JSON", 400, "The body is not valid JSON.", ("tiny", [nan]), {}),
        ("shared memory", 400, "'shared_memory_region' of input 'item'", ("tiny", [shared]), {}),
        (
            "classification",
            400,
            "'classification' of inference output 'probability'",
            ("tiny", item),
            dict(outputs=[InferRequestedOutput("probability", class_count=2)]),
        ),
        ("bad record", 400, "record[0] is not valid JSON.", ("tiny", [bytes_input("record", ["{"])]), {}),
        (
            "error with gzip",
            400,
            "unexpected inference input 'film'",
            ("tiny", [bytes_input("film", ITEMS)]),
            dict(response_compression_algorithm="gzip"),
        ),
    ]
    for name, status, begins, args, options in refusals:
        await refused(f"infer, {name}", status, begins, infer, *args, **options)
    absent = [
        ("get_trace_settings", ()),
        ("update_trace_settings", ()),
        ("get_log_settings", ()),
        ("update_log_settings", ({},)),
        ("get_system_shared_memory_status", ()),
        ("register_system_shared_memory", ("region", "key", 8)),
        ("unregister_system_shared_memory", ()),
        ("get_cuda_shared_memory_status", ()),
        ("register_cuda_shared_memory", ("region", b"handle", 0, 8)),
        ("unregister_cuda_shared_memory", ()),
    ]
    for name, args in absent:
        await refused(name, 404, "There is no /v2/", getattr(client, name), *args)

    for name, args in [
        ("get_inference_statistics", ()),
        ("get_inference_statistics, model", ("tiny",)),
        ("get_inference_statistics, version", ("tiny", version)),
    ]:
        [told] = (await call(name, client.get_inference_statistics, *args))["model_stats"]
        assert told["name"] == "tiny" and told["version"] == version
        assert told["inference_stats"]["success"]["count"] >= 14 and told["inference_count"] >= 50
    await refused(
        "get_inference_statistics, unknown", 404, "Request for unknown model", client.get_inference_statistics, "other"
    )
    return first, version


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--server", required=True)
    arguments.add_argument("--record")
    options = arguments.parse_args()
    recorder = Recorder(options.server)

    async def call(name, method, *args, **kwargs):
        recorder.call = name
        answer = method(*args, **kwargs)
        return await answer if inspect.isawaitable(answer) else answer

    client = tritonclient.http.InferenceServerClient(recorder.address)
    first, version = asyncio.run(every_call(client, call))
    recorder.call = "async_infer"
    all_equal(whole(client.async_infer("tiny", samples()).get_result()), first)
    recorder.call = "async_infer, unknown model"
    try:
        client.async_infer("other", samples()).get_result()
        raise AssertionError("an unknown model was not refused")
    except InferenceServerException as error:
        assert error.status() == "404"
    # What the client makes for those who send it themselves.
    body, json_size = client.generate_request_body(samples())
    recorder.call = "generate_request_body"
    response = client._post(
        "v2/models/tiny/infer", body, {"Inference-Header-Content-Length": json_size}, None
    )
    parsed = client.parse_response_body(
        response.read(), header_length=int(response.get("Inference-Header-Content-Length"))
    )
    all_equal(whole(parsed), first)
    client.close()

    async def over_aio():
        async with tritonclient.http.aio.InferenceServerClient(recorder.address) as aio:
            return await every_call(aio, lambda name, *rest, **more: call(f"aio: {name}", *rest, **more))

    all_equal(asyncio.run(over_aio())[0], first)
    print(f"tritonclient: {len(recorder.entries)} requests")
    if options.record:
        recorder.save(options.record, {name: installed(name) for name in ("tritonclient", "geventhttpclient", "aiohttp")}, version)


if __name__ == "__main__":
    main()

"""What every peer worker shares: commands on stdin, one JSON line on stdout for each timed round.

A command is {"name", "rounds", "steps", "settings"}. The first one with a name builds that contestant and warms it up;
with "rounds": 0 the answer is {"name", "ready": true, "parameters"}, otherwise one {"name", "ms", "cpuMs"} a round, the mean of
`steps` steps after one untimed step (none where a round is a single step). Each answer has "peakMb", the most memory that
the process has held.
"""

import argparse
import json
import os
import resource
import sys
import time

import torch


def serve(build):
    """build(name, settings) -> {"step": function, "warm_up": function, "parameters": trainable elements}."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    torch.set_num_threads(parser.parse_args().threads)
    torch.manual_seed(1)
    # Libraries print: only answers may reach the real stdout.
    answers = os.fdopen(os.dup(1), "w", encoding="utf8")
    os.dup2(2, 1)

    def answer(content):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({**content, "peakMb": peak}), file=answers, flush=True)

    contestants = {}
    for line in sys.stdin:
        command = json.loads(line)
        name = command["name"]
        if name not in contestants:
            contestants[name] = build(name, command.get("settings", {}))
            contestants[name]["warm_up"]()
        contestant = contestants[name]
        if command["rounds"] == 0:
            answer({"name": name, "ready": True, "parameters": contestant["parameters"]})
        for _ in range(command["rounds"]):
            answer({"name": name, **timed(contestant["step"], command["steps"])})


def timed(step, steps):
    if steps > 1:
        step()
    start, processor = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    return {
        "ms": (time.perf_counter() - start) * 1e3 / steps,
        "cpuMs": (time.process_time() - processor) * 1e3 / steps,
    }


def repeated(step, count):
    """Warming up by steps."""

    def warm_up():
        for _ in range(count):
            step()

    return warm_up


def trainable(model):
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)

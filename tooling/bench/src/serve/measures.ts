import { besideLlm, constantRate, threadKilled } from "./latencies.ts";
import type { ServeMeasure } from "./measure.ts";
import { overload } from "./overload.ts";
import { throughput } from "./throughput.ts";

/** All measures of `pnpm bench serve`. */
export const serveMeasures: readonly ServeMeasure[] = [
  {
    name: "requests",
    what: "requests a second of one sample, 1 and 32 connections, in turn with FastAPI + uvicorn + onnxruntime",
    run: throughput,
  },
  { name: "constant-rate", what: "latency of the CRM's answers at a constant rate", run: constantRate },
  {
    name: "beside-llm",
    what: "latency of the CRM's answers while every tenth sample goes to the LLM",
    needsLlm: true,
    run: besideLlm,
  },
  {
    name: "overload",
    what: "ten times as many samples as are answered: memory, latency of the accepted, recovery",
    run: overload,
  },
  {
    name: "thread-killed",
    what: "the LLM's thread ends in mid-load: every request is answered",
    needsLlm: true,
    run: threadKilled,
  },
];

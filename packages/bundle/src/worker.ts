import { parentPort, workerData } from "node:worker_threads";
import { CorellaError } from "@corella/errors";
import { openBundle } from "./bundle.ts";
import { openLane } from "./lanes.ts";
import type { Lane } from "./predictor.ts";
import type { LaneFailure, LaneReply, LaneRequest, LaneSetup } from "./worker-lane.ts";

// One model in its own thread. Requests are answered in the order they came.
const port = parentPort!;
const setup = workerData as LaneSetup;

function failureOf(error: unknown): LaneFailure {
  if (CorellaError.isInstance(error)) {
    return { code: error.code, message: error.message, place: error.place, remedy: error.remedy };
  }
  return { code: "bundle/lane", message: error instanceof Error ? error.message : String(error) };
}

async function start(): Promise<Lane | undefined> {
  try {
    // The opener has verified the bundle.
    return await openLane(await openBundle(setup.folder, { verify: false }), setup.lane, setup.threads);
  } catch (error) {
    port.postMessage({ kind: "error", error: failureOf(error) } satisfies LaneReply);
    return undefined;
  }
}

const lane = await start();
if (lane !== undefined) {
  const answer = async ({ id, records }: LaneRequest): Promise<void> => {
    try {
      port.postMessage({ kind: "scores", id, scores: await lane.score(records) } satisfies LaneReply);
    } catch (error) {
      port.postMessage({ kind: "error", id, error: failureOf(error) } satisfies LaneReply);
    }
  };
  let previous: Promise<void> = Promise.resolve();
  port.on("message", (request: LaneRequest) => {
    previous = previous.then(() => answer(request));
  });
  port.postMessage({ kind: "ready" } satisfies LaneReply);
}

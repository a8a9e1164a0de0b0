import { parentPort, workerData } from "node:worker_threads";
import { plainError } from "@corella/errors";
import type { RatingRecord } from "@corella/modality";
import { openBundle } from "./bundle.ts";
import { openLane } from "./lanes.ts";
import type { Lane } from "./lane.ts";
import { lowerThreadPriority } from "./thread-priority.ts";
import type { LaneReply, LaneRequest, LaneSetup } from "./worker-lane.ts";

// One model in its own thread. Requests are answered in the order they came.
const port = parentPort!;
const setup = workerData as LaneSetup;

async function start(): Promise<Lane | undefined> {
  // The CRM and who answers requests are quick, and everybody waits for them.
  if (setup.lane === "llm") lowerThreadPriority();
  try {
    // The opener has verified the bundle.
    return await openLane(await openBundle(setup.folder, { verify: false }), setup.lane, setup.options);
  } catch (error) {
    port.postMessage({
      kind: "error",
      error: plainError(error, { code: "bundle/lane" }),
    } satisfies LaneReply);
    return undefined;
  }
}

const lane = await start();
if (lane !== undefined) {
  const running = new Map<number, AbortController>();
  const answer = async (id: number, records: readonly RatingRecord[]): Promise<void> => {
    try {
      const scores = await lane.score(records, running.get(id)!.signal);
      port.postMessage({ kind: "scores", id, scores } satisfies LaneReply);
    } catch (error) {
      port.postMessage({
        kind: "error",
        id,
        error: plainError(error, { code: "bundle/lane" }),
      } satisfies LaneReply);
    } finally {
      running.delete(id);
    }
  };
  let previous: Promise<void> = Promise.resolve();
  port.on("message", (request: LaneRequest) => {
    if (request.kind === "cancel") {
      running.get(request.id)?.abort();
      return;
    }
    if (request.kind === "close") {
      for (const abort of running.values()) abort.abort();
      void previous.then(() => lane.dispose()).finally(() => port.close());
      return;
    }
    running.set(request.id, new AbortController());
    previous = previous.then(() => answer(request.id, request.records));
  });
  port.postMessage({ kind: "ready" } satisfies LaneReply);
}

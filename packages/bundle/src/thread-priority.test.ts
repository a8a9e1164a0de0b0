import { getPriority } from "node:os";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";

/** Runs code in a thread of its own, and gives what it posts. */
function inThread(code: string): Promise<unknown> {
  const tsx = JSON.stringify(import.meta.resolve("tsx/esm/api"));
  const file = JSON.stringify(new URL("./thread-priority.ts", import.meta.url).href);
  const script = `import(${tsx}).then(async ({ register }) => { register(); const { lowerThreadPriority } = await import(${file});
    const { parentPort } = await import("node:worker_threads"); const os = await import("node:os"); const fs = await import("node:fs");
    const thread = Number(fs.readlinkSync("/proc/thread-self").split("/").at(-1));
    ${code} });`;
  return new Promise((resolve, reject) => {
    const worker = new Worker(script, { eval: true });
    worker.on("message", resolve);
    worker.on("error", reject);
  });
}

test.runIf(process.platform === "linux")(
  "a thread that may wait is nicer than the others of its process",
  async () => {
    const before = getPriority();
    const inside = await inThread("lowerThreadPriority(); parentPort.postMessage(os.getPriority(thread));");
    expect(inside).toBe(Math.min(19, before + 5));
    expect(getPriority()).toBe(before);
  },
);

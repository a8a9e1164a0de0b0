// What a reload costs those who are served meanwhile: a server of a bundle under a steady load, each of whose requests is one sample,
// exchanges its bundle again and again. Times are from when a request was due, so that a server that pauses is not let off.
// Usage, from the project's root:
//   node --conditions=source --import tsx tooling/bench/src/experiments/reload-under-load.ts <bundle> [requests a second] [reloads] [serve's options]
import { spawn } from "node:child_process";
import { appendFile, cp, mkdtemp, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openBundle } from "@corella/bundle";
import { CorellaError } from "@corella/errors";

const [original, rate = "100", reloads = "3", ...options] = process.argv.slice(2);
if (original === undefined) {
  throw new CorellaError({
    code: "bench/argument",
    message: "Which bundle is served?",
    remedy: "Give the folder of one.",
  });
}
const folder = await mkdtemp(join(tmpdir(), "corella-reload-"));
const served = join(folder, "bundle");
await cp(original, served, { recursive: true });
const bundle = await openBundle(served);
const users = (await bundle.histories()).some(500);
const items = bundle.catalogue.ids;

const child = spawn(
  process.execPath,
  [
    ..."--conditions=source --import tsx apps/serve/src/main.ts --port 0 --admin --bundle".split(" "),
    served,
    ...options,
  ],
  { stdio: ["ignore", "pipe", "inherit"] },
);
let output = "";
child.stdout.setEncoding("utf8").on("data", (text: string) => {
  if (!/ms to load/.test(output)) output += text;
});
while (!/at (http:\S+) \(\d+ ms to load\)/.test(output)) {
  // What was wrong it has said.
  if (child.exitCode !== null) throw new Error(`The server ended with ${child.exitCode}.`);
  await sleep(50);
}
const url = /at (http:\S+) \(/.exec(output)![1]!;

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
/** Posts JSON; the status, or the error's name. */
function post(path: string, body: object): Promise<string> {
  return new Promise((resolve) => {
    const asked = request(
      url + path,
      { agent, method: "POST", headers: { "content-type": "application/json" } },
      (response) => {
        response.resume();
        response.on("end", () => resolve(String(response.statusCode)));
      },
    );
    asked.on("error", (error) => resolve(error.name));
    asked.end(JSON.stringify(body));
  });
}

type Phase = "steady" | "reload";
let phase: Phase = "steady";
const times: Record<Phase, number[]> = { steady: [], reload: [] };
const failures = new Map<string, number>();
const over = new AbortController();
const running = new Set<Promise<void>>();
async function load(): Promise<void> {
  const everyMs = 1000 / Number(rate);
  const startedMs = performance.now();
  for (let i = 0; !over.signal.aborted; i++) {
    const dueMs = startedMs + i * everyMs;
    const aheadMs = dueMs - performance.now();
    if (aheadMs > 1) await sleep(aheadMs);
    const due = phase;
    const sample = { user: users[i % users.length] ?? null, item: items[(7919 * i) % items.length] };
    const answered = post("/v1/score", sample).then((status) => {
      if (status !== "200") failures.set(status, (failures.get(status) ?? 0) + 1);
      else times[due].push(performance.now() - dueMs);
      return void running.delete(answered);
    });
    running.add(answered);
  }
}

const loading = load();
await sleep(2000);
times.steady = []; // what the first requests compile
const reloadMs: number[] = [];
for (let i = 0; i < Number(reloads); i++) {
  await sleep(5000);
  await appendFile(join(served, "manifest.json"), "\n"); // another version of the same
  phase = "reload";
  const startedMs = performance.now();
  const status = await post("/v1/admin/reload", {});
  reloadMs.push(Math.round(performance.now() - startedMs));
  if (status !== "200") failures.set(`reload: ${status}`, 1);
  await sleep(500); // the old models are disposed
  phase = "steady";
}
await sleep(2000);
over.abort();
await loading;
await Promise.all(running);
child.kill("SIGTERM");
agent.destroy();
await rm(folder, { recursive: true });

const figures = (all: number[]): object => {
  const sorted = all.toSorted((a, b) => a - b);
  const at = (part: number): number =>
    Number((sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN).toFixed(2));
  return { requests: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), mostMs: at(1) };
};
process.stdout.write(
  `${JSON.stringify({
    what: "reload under load",
    perSecond: Number(rate),
    reloadMs,
    steady: figures(times.steady),
    reload: figures(times.reload),
    failures: Object.fromEntries(failures),
    load: Number(loadavg()[0]!.toFixed(1)),
  })}\n`,
);

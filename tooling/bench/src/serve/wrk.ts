import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CorellaError } from "@corella/errors";

/** What wrk measured. */
export interface WrkResult {
  readonly perSecond: number;
  /** Latencies in milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were no success, and connections that failed. */
  readonly failures: number;
}

/** How hard it asks. */
export interface WrkOptions {
  readonly connections: number;
  readonly seconds: number;
}

const script = `local bodies = {}
local at = 0
function init(args)
  for line in io.lines(args[1]) do bodies[#bodies + 1] = line end
  wrk.method = "POST"
  wrk.headers["content-type"] = "application/json"
end
function request()
  at = at % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[at])
end
function done(summary, latency)
  local failed = summary.errors
  io.write(string.format('{"perSecond":%f,"p50Ms":%f,"p99Ms":%f,"failures":%d}\\n',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    failed.status + failed.connect + failed.read + failed.write + failed.timeout))
end
`;

/** @throws CorellaError `bench/no-wrk` */
export function requireWrk(): void {
  if (spawnSync("wrk", ["-v"]).error === undefined) return;
  throw new CorellaError({
    code: "bench/no-wrk",
    message: "wrk is not installed.",
    remedy: "Install it: `apt-get install wrk`.",
  });
}

/** Writes what wrk reads into a folder, and gives what asks a server with these bodies in turn, each connection as fast as it is answered. */
export async function createWrk(
  folder: string,
  name: string,
  bodies: readonly object[],
): Promise<(url: string, options: WrkOptions) => Promise<WrkResult>> {
  const [lua, lines] = [join(folder, "post.lua"), join(folder, `${name}.jsonl`)];
  await writeFile(lua, script);
  await writeFile(lines, bodies.map((body) => `${JSON.stringify(body)}\n`).join(""));
  return async (url, { connections, seconds }) => {
    const child = spawn(
      "wrk",
      ["-t1", `-c${connections}`, `-d${seconds}s`, "-s", lua, `${url}/v1/score`, "--", lines],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    await once(child, "close");
    const result = /^\{.*\}$/m.exec(output)?.[0];
    if (result !== undefined) return JSON.parse(result) as WrkResult;
    throw new CorellaError({
      code: "bench/wrk",
      message: `wrk printed no result: ${output.slice(0, 300)}`,
      place: url,
    });
  };
}

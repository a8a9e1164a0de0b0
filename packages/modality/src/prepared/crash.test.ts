import { type ChildProcess, execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-crash-"));
});
afterAll(() => rm(folder, { recursive: true }));

const importOf = (names: string, file: string): string =>
  `import { ${names} } from ${JSON.stringify(join(import.meta.dirname, file))};\n`;

/** A process that prepares something into `cache`; it ends by saying "whole". */
async function preparation(name: string, code: string): Promise<(cache: string) => ChildProcess> {
  const script = join(folder, `${name}.mts`);
  await writeFile(script, `${code}\nconsole.log("whole");`);
  return (cache) =>
    execFile(process.execPath, ["--conditions=source", "--import", "tsx", script, cache], {
      cwd: join(import.meta.dirname, "../../../.."),
    });
}

const shown = (names: string[]): string[] => names.filter((name) => !name.startsWith("unfinished-"));

async function unfinishedFiles(cache: string, seen: ReadonlySet<string>): Promise<number> {
  for (const name of await readdir(cache).catch(() => [])) {
    if (name.startsWith("unfinished-") && !seen.has(name))
      return (await readdir(join(cache, name)).catch(() => [])).length;
  }
  return 0;
}

/** Starts the process anew for each count, and kills it when it has begun so many files. */
async function killAt(counts: readonly number[], start: () => ChildProcess, cache: string): Promise<void> {
  for (const count of counts) {
    const left = new Set(await readdir(cache).catch(() => []));
    const child = start();
    const gone = new Promise<string | null>((resolve) => child.once("exit", (_, signal) => resolve(signal)));
    while (child.exitCode === null && (await unfinishedFiles(cache, left)) < count) await pause(1);
    child.kill("SIGKILL");
    expect(await gone).toBe("SIGKILL");
    expect(shown(await readdir(cache))).toEqual([]);
  }
}

/** After the crashes two processes at once, both to their end. */
async function bothEnd(start: () => ChildProcess, cache: string): Promise<void> {
  const run = (child: ChildProcess): Promise<string> =>
    new Promise((resolve) => {
      let output = "";
      for (const stream of [child.stdout!, child.stderr!])
        stream.on("data", (text: Buffer) => (output += String(text)));
      child.once("close", () => resolve(output.trim()));
    });
  expect(await Promise.all([run(start()), run(start())])).toEqual(["whole", "whole"]);
  expect(shown(await readdir(cache))).toHaveLength(1);
}

test("killed while it writes samples, a process leaves nothing under their name; two at once leave one", async () => {
  const start = await preparation(
    "samples",
    importOf("exampleLog, exampleMap", "../samples/example.test-helper.ts") +
      importOf("prepareSamples", "../samples/sample-folder.ts") +
      `const log = exampleLog(50_000);
       const rows = new Uint32Array(log.size).map((_, row) => row);
       await prepareSamples(exampleMap(log), log, rows, { cacheFolder: process.argv[2], shardSize: 500 });`,
  );
  const cache = join(folder, "samples");
  await killAt([1, 90], () => start(cache), cache);
  await bothEnd(() => start(cache), cache);
}, 180_000);

test("killed while it writes a log, a process leaves nothing under its name; two at once leave one", async () => {
  const rows = Array.from(
    { length: 200_000 },
    (_, i) => `u${i % 999},i${(i * 31) % 777},${i % 6},${1000 + i}`,
  );
  await writeFile(join(folder, "ratings.csv"), rows.join("\n"));
  const start = await preparation(
    "log",
    importOf("prepareLog", "prepare-log.ts") +
      `const ratings = { path: "ratings.csv", columns: { user: 0, item: 1, rating: 2, time: 3 } };
       const config = { source: { ratings }, label: { threshold: 4 } };
       await prepareLog(config, { cacheFolder: process.argv[2], baseFolder: ${JSON.stringify(folder)} });`,
  );
  const cache = join(folder, "log");
  await killAt([1, 6], () => start(cache), cache);
  await bothEnd(() => start(cache), cache);
}, 180_000);

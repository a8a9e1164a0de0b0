import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { saveTinyBundle } from "@corella/bundle/testing";
import { noRedis, redisServer } from "@corella/jobs/testing";
import { command, startCommand, workspaceRoot } from "@corella/terminal/testing";
import { beforeAll, expect, test } from "vitest";

/** Each test starts several processes. */
const timeoutMs = 240_000;

const folder = mkdtempSync(join(tmpdir(), "corella-score-"));
const rows = 40;
beforeAll(async () => {
  await saveTinyBundle(join(folder, "bundle"), ["crm"]);
  const lines = Array.from({ length: rows }, (_, row) => `user-${row % 12},item-${(row * 7) % 20}`);
  writeFileSync(join(folder, "rows.csv"), `${["user,item", ...lines].join("\n")}\n`);
});

/** What to score, and where to. */
function scored(output: string): string[] {
  const places = ["--bundle", join(folder, "bundle"), "--input", join(folder, "rows.csv")];
  return [...places, "--output", join(folder, output), "--shard-rows", String(rows / 2)];
}

/** The hashes of the parts that a manifest has. */
function parts(output: string): string[] {
  const text = readFileSync(join(folder, output, "manifest.json"), "utf8");
  return (JSON.parse(text) as { parts: { sha256: string }[] }).parts.map(({ sha256 }) => sha256);
}

test(
  "a plan whose shard Slurm's script ran is gone on with and finished by one command",
  () => {
    const plan = join(folder, "all");
    expect(command("score", "plan", ...scored("all")).stdout).toBe("2\n");
    const cwd = workspaceRoot();
    const slurm = spawnSync("bash", [join(cwd, "deploy/jobs/slurm-array.sh"), plan], {
      cwd,
      encoding: "utf8",
      env: { ...process.env, SLURM_ARRAY_TASK_ID: "1" },
    });
    expect(slurm.stdout, slurm.stderr).toMatch(/^shard 1: 20 rows, SHA-256 [0-9a-f]{64}\n$/);
    const all = command("score", ...scored("all"), "--parallel", "2");
    expect(all.stderr).toContain("20 of 40 rows are there from before");
    expect(all.stdout).toMatch(/^40 rows in 2 parts, mean probability 0\.\d{4}, 0\.0 % by the LLM\n/);
    expect(readdirSync(plan).sort()).toEqual([
      "manifest.json",
      expect.stringMatching(/^part-00000-[0-9a-f]{12}\.parquet$/),
      expect.stringMatching(/^part-00000-[0-9a-f]{12}\.parquet\.json$/),
      expect.stringMatching(/^part-00001-/),
      expect.stringMatching(/^part-00001-/),
      "plan.json",
      "summary.html",
    ]);
  },
  timeoutMs,
);

test.skipIf(noRedis() !== undefined)(
  "workers behind a queue write the same",
  async () => {
    const server = await redisServer();
    await server.start();
    const worker = startCommand("worker", "--redis", server.url, "--slots", "1");
    try {
      expect(command("score", ...scored("queued"), "--workers", server.url).status).toBe(0);
      expect(parts("queued")).toEqual(parts("all"));
    } finally {
      worker.kill("SIGTERM");
      expect(await once(worker, "exit")).toEqual([0, null]);
      await server.remove();
    }
  },
  timeoutMs,
);

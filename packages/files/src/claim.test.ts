import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { claimFolder, isClaimed } from "./index.ts";

const folder = (): string => mkdtempSync(join(tmpdir(), "corella-claim-"));

test("a folder has one claimant, until it is released", async () => {
  const path = folder();
  const release = await claimFolder(path);
  await expect(claimFolder(path)).rejects.toMatchObject({
    code: "file/in-use",
    message: expect.stringContaining(String(process.pid)),
  });
  expect(await isClaimed(path)).toBe(true);
  await release();
  await release();
  expect(await isClaimed(path)).toBe(false);
  expect(existsSync(join(path, ".running"))).toBe(false);
  await (
    await claimFolder(path)
  )();
});

test("of many that ask at once one gets it", async () => {
  const path = folder();
  const asked = await Promise.allSettled(Array.from({ length: 20 }, () => claimFolder(path)));
  expect(asked.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("of several processes that find the claim of a killed one at once one gets it", async () => {
  const [path, rounds, ids] = [folder(), [0, 1, 2, 3], ["a", "b", "c", "d"]];
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  for (const round of rounds) {
    mkdirSync(join(path, `claimed-${round}`));
    writeFileSync(join(path, `claimed-${round}`, ".running"), `${dead}\n`);
  }
  const program = `import { existsSync, writeFileSync } from "node:fs";
const { claimFolder } = await import(${JSON.stringify(join(import.meta.dirname, "index.ts"))});
const [path, id] = process.argv.slice(-2);
writeFileSync(path + "/ready-" + id, "");
for (const round of ${JSON.stringify(rounds)}) {
  while (!existsSync(path + "/begin-" + round)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  const told = await claimFolder(path + "/claimed-" + round).then(() => "claimed", ({ code }) => code);
  writeFileSync(path + "/told-" + round + "-" + id, told);
}
setInterval(() => {}, 1000);`;
  const options = ["--conditions=source", "--import", "tsx", "--input-type=module", "--eval", program, "--"];
  const claimants = ids.map((id) => spawn(process.execPath, [...options, path, id], { stdio: "inherit" }));
  onTestFinished(() => claimants.forEach((claimant) => claimant.kill("SIGKILL")));
  const all = (what: string): Promise<string[]> =>
    vi.waitFor(() => {
      const found = readdirSync(path).filter((name) => name.startsWith(`${what}-`));
      expect(found).toHaveLength(ids.length);
      return found;
    }, 20_000);
  await all("ready");
  for (const round of rounds) {
    writeFileSync(join(path, `begin-${round}`), "");
    const files = await all(`told-${round}`);
    const told = await vi.waitFor(() => {
      const texts = files.map((name) => readFileSync(join(path, name), "utf8"));
      expect(texts).not.toContain("");
      return texts;
    });
    expect(told.toSorted()).toEqual(["claimed", "file/in-use", "file/in-use", "file/in-use"]);
    expect(readdirSync(join(path, `claimed-${round}`))).toEqual([".running"]);
  }
}, 60_000);

test("another running process' claim holds; that of a dead one, or of one with our number before us, does not", async () => {
  const path = folder();
  const claimBy = (pid: number): void => writeFileSync(join(path, ".running"), `${pid}\n`);
  claimBy(process.ppid);
  await expect(claimFolder(path)).rejects.toMatchObject({ code: "file/in-use" });
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  for (const pid of [dead, process.pid]) {
    claimBy(pid);
    expect(await isClaimed(path)).toBe(false);
    await (
      await claimFolder(path)
    )();
  }
});

test("the claim of another machine holds until it has been silent for a minute, whatever runs here under its number", async () => {
  const path = folder();
  const file = join(path, ".running");
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  writeFileSync(file, `${dead} elsewhere\n`);
  await expect(claimFolder(path)).rejects.toMatchObject({
    code: "file/in-use",
    message: expect.stringContaining("elsewhere"),
  });
  writeFileSync(file, `${process.ppid} elsewhere\n`);
  const minuteAgo = Date.now() / 1000 - 61;
  utimesSync(file, minuteAgo, minuteAgo);
  expect(await isClaimed(path)).toBe(false);
  await (
    await claimFolder(path)
  )();
});

test("an empty claim is of a process that is about to fill it, unless it is old", async () => {
  const path = folder();
  writeFileSync(join(path, ".running"), "");
  await expect(claimFolder(path)).rejects.toMatchObject({ code: "file/in-use" });
  utimesSync(join(path, ".running"), 1, 1);
  await (
    await claimFolder(path)
  )();
});

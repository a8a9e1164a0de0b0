import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cpuQuota, shareThreads } from "./cpu-quota.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "corella-quota-"));
});
afterEach(() => rm(root, { recursive: true }));

async function files(content: Record<string, string>): Promise<void> {
  for (const [file, text] of Object.entries(content)) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), text);
  }
}

test("a quota of version 2, of the group or of one above it, whichever is less", async () => {
  await files({ "proc/self/cgroup": "0::/pods/one\n", "sys/fs/cgroup/pods/one/cpu.max": "max 100000\n" });
  expect(cpuQuota(root)).toBe(availableParallelism());
  await files({ "sys/fs/cgroup/pods/cpu.max": "75000 100000\n", "sys/fs/cgroup/cpu.max": "50000 50000\n" });
  expect(cpuQuota(root)).toBe(0.75);
});

test("a container sees its own group at the mount, whatever its path is outside", async () => {
  await files({ "proc/self/cgroup": "0::/../../kubepods/abc\n", "sys/fs/cgroup/cpu.max": "25000 100000\n" });
  expect(cpuQuota(root)).toBe(0.25);
});

test("a quota of version 1, beside controllers that say nothing of it", async () => {
  await files({
    "proc/self/cgroup": "12:cpuset:/x\n4:cpu,cpuacct:/docker/abc\n0::/\n",
    "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000",
    "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
    "sys/fs/cgroup/cpuset/cpu.max": "1 100000",
  });
  expect(cpuQuota(root)).toBe(0.5);
  await files({ "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1" });
  expect(cpuQuota(root)).toBe(availableParallelism());
});

test("without control groups, and on this machine, it is at most the CPUs", () => {
  expect(cpuQuota(root)).toBe(availableParallelism());
  expect(cpuQuota()).toBeGreaterThan(0);
  expect(cpuQuota()).toBeLessThanOrEqual(availableParallelism());
});

test("threads of both models are together no more than the CPUs, one each at least", () => {
  for (const cpus of [2, 3, 4, 7.9, 8, 64]) {
    const { crm, llm } = shareThreads(cpus, ["crm", "llm"]);
    expect(crm! + llm!).toBe(Math.floor(cpus));
    expect(llm).toBeGreaterThanOrEqual(crm!);
  }
  expect(shareThreads(0.5, ["crm", "llm"])).toEqual({ crm: 1, llm: 1 });
  expect(shareThreads(3.5, ["llm"])).toEqual({ llm: 3 });
});

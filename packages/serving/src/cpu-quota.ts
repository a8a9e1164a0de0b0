import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";

/** The models of a bundle that compute in this process. */
export type LocalModels = readonly ("crm" | "llm")[];

/**
 * CPUs that this process may use: those of its affinity, or its control group's quota (cgroup v2 `cpu.max`, v1
 * `cpu.cfs_quota_us`) where that is less. May be a fraction.
 * @param root where `proc` and `sys` lie; other than `/` in tests
 */
export function cpuQuota(root = "/"): number {
  const quotas = groupFolders(root)
    .map(quotaOf)
    .filter((quota) => quota > 0);
  return Math.min(availableParallelism(), ...quotas);
}

/**
 * Threads for each model that are together no more than the CPUs, but at least one each. The LLM has most of the work: the CRM
 * gets a quarter.
 */
export function shareThreads(cpus: number, models: LocalModels): { crm?: number; llm?: number } {
  const whole = Math.max(1, Math.floor(cpus));
  if (models.length < 2) return Object.fromEntries(models.map((model) => [model, whole]));
  const crm = Math.max(1, Math.floor(whole / 4));
  return { crm, llm: Math.max(1, whole - crm) };
}

/** Folders of the process's control group and of those above it, whose quotas all hold. In a container the first is often not visible. */
function groupFolders(root: string): string[] {
  const folders: string[] = [];
  for (const line of (read(join(root, "proc/self/cgroup")) ?? "").split("\n")) {
    const [, controllers, group] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || group === undefined) continue;
    const isCpu = controllers.split(",").includes("cpu");
    if (controllers !== "" && !isCpu) continue;
    const mounts = controllers === "" ? ["", "unified"] : [controllers, "cpu"];
    const names = group.split("/").filter((name) => name !== "" && name !== "..");
    for (const mount of mounts)
      for (let depth = names.length; depth >= 0; depth--)
        folders.push(join(root, "sys/fs/cgroup", mount, ...names.slice(0, depth)));
  }
  return folders;
}

/** CPUs that a control group grants; NaN where it does not limit them. */
function quotaOf(folder: string): number {
  const [quota, period] = (read(join(folder, "cpu.max")) ?? "").split(" ").map(Number);
  if (quota !== undefined && period !== undefined) return quota / period;
  return (
    Number(read(join(folder, "cpu.cfs_quota_us")) ?? NaN) /
    Number(read(join(folder, "cpu.cfs_period_us")) ?? NaN)
  );
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    // Not there, or not for us: other systems, other versions of control groups.
    return undefined;
  }
}

import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { parseYaml } from "@corella/configuration";
import { expect, test } from "vitest";

// What deploy/jobs says of commands is true of them: nobody finds out in a cluster.
const repository = join(import.meta.dirname, "../../..");
const read = (file: string): string => readFileSync(join(repository, "deploy/jobs", file), "utf8");
const dockerfile = read("Dockerfile");

/** The options of an app's command, by its sources. */
function optionsOf(app: string): string {
  return readFileSync(join(repository, app), "utf8");
}

/** Every command line of a manifest begins with the file of an app, which has these options. */
function requireCommand([file, ...words]: readonly string[]): void {
  expect(existsSync(join(repository, file!)), file).toBe(true);
  const source = optionsOf(file!);
  for (const word of words) if (word.startsWith("--")) expect(source).toContain(`"${word} <`);
}

interface Job {
  readonly spec: {
    readonly completionMode: string;
    readonly completions: number;
    readonly backoffLimitPerIndex: number;
    readonly maxFailedIndexes: number;
    readonly podReplacementPolicy: string;
    readonly podFailurePolicy: {
      readonly rules: readonly {
        readonly action: string;
        readonly onExitCodes?: { readonly containerName: string; readonly values: readonly number[] };
      }[];
    };
    readonly template: {
      readonly spec: {
        readonly restartPolicy: string;
        readonly containers: readonly {
          readonly name: string;
          readonly workingDir: string;
          readonly args: readonly string[];
          readonly volumeMounts: readonly { readonly name: string }[];
        }[];
        readonly volumes: readonly { readonly name: string }[];
      };
    };
  };
}

test("the Indexed Job runs a shard an index, and gives up only what cannot succeed", () => {
  const { spec } = parseYaml(read("kubernetes-indexed-job.yaml"), "job") as Job;
  expect(spec).toMatchObject({ completionMode: "Indexed", podReplacementPolicy: "Failed" });
  expect(spec.backoffLimitPerIndex).toBeGreaterThan(0);
  expect(spec.maxFailedIndexes).toBeLessThanOrEqual(spec.completions);
  // Policies of failure are for pods that are not restarted in place.
  const pod = spec.template.spec;
  expect(pod.restartPolicy).toBe("Never");
  const [container] = pod.containers;
  requireCommand(container!.args);
  expect(container!.args).not.toContain("--shard");
  expect(optionsOf("apps/score/src/main.ts")).toContain('"JOB_COMPLETION_INDEX"');
  const fails = spec.podFailurePolicy.rules.find(({ action }) => action === "FailIndex")!.onExitCodes!;
  expect(fails).toMatchObject({ containerName: container!.name, values: [1] });
  expect(dockerfile).toContain(`WORKDIR ${container!.workingDir}\n`);
  const volumes = new Set(pod.volumes.map(({ name }) => name));
  for (const { name } of container!.volumeMounts) expect(volumes).toContain(name);
});

test("compose has workers on a queue that loses nothing", () => {
  const { services } = parseYaml(read("compose.yaml"), "compose") as {
    services: {
      worker: { command: string[]; stop_grace_period: string; working_dir: string };
      redis: { command: string[] };
    };
  };
  requireCommand(services.worker.command);
  expect(dockerfile).toContain(`WORKDIR ${services.worker.working_dir}\n`);
  // A unit gets 10 s to end.
  expect(Number.parseInt(services.worker.stop_grace_period, 10)).toBeGreaterThan(10);
  expect(services.redis.command.join(" ")).toContain("--maxmemory-policy noeviction");
});

test("the image is built of what there is, and starts the apps as the scripts do", () => {
  const ignored = read("Dockerfile.dockerignore");
  const sent = [...ignored.matchAll(/^!(.+)$/gm)].map(([, path]) => path!);
  for (const path of sent) expect(existsSync(join(repository, path)), path).toBe(true);
  for (const [, name] of dockerfile.matchAll(/--filter "@corella\/([\w-]+)\.\.\."/g))
    expect(sent).toContain(`apps/${name}`);
  const entry = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)![1]!) as string[];
  const { scripts } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  expect(scripts["score"]).toBe([...entry, "apps/score/src/main.ts"].join(" "));
  expect(read("slurm-array.sh")).toContain(`${scripts["score"]} run `);
});

test("scripts are bash, and Ray gets a job a shard that runs as the script of the package does", async () => {
  for (const script of ["slurm-array.sh", "ray-jobs.sh"])
    execFileSync("bash", ["-n", join(repository, "deploy/jobs", script)]);
  const bodies: { submission_id: string; entrypoint: string; entrypoint_num_cpus: number }[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      expect([request.method, request.url]).toEqual(["POST", "/api/jobs/"]);
      bodies.push(JSON.parse(text) as (typeof bodies)[number]);
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const child = spawn(
    "bash",
    [join(repository, "deploy/jobs/ray-jobs.sh"), "/data/my scores", "2", "/opt/corella"],
    {
      env: { ...process.env, RAY_ADDRESS: address },
    },
  );
  expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(0);
  server.close();
  expect(new Set(bodies.map(({ submission_id: id }) => id)).size).toBe(2);
  expect(bodies[1]).toMatchObject({ entrypoint_num_cpus: 1 });
  expect(bodies[1]!.entrypoint).toMatch(
    /^cd '\/opt\/corella' && node --conditions=source --import tsx apps\/score\/src\/main\.ts run --plan '\/data\/my scores' --shard 1$/,
  );
});

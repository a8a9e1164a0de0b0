import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseYaml } from "@corella/configuration";
import { describe, expect, test } from "vitest";
import { parseDocumented, parseHelp } from "./documented-commands.ts";

// What deploy/ says of the server is true of the server: nobody finds out in a cluster.
const repository = join(import.meta.dirname, "../../..");
const read = (file: string): string => readFileSync(join(repository, file), "utf8");
const dockerfile = read("deploy/Dockerfile");
const chart = "deploy/helm/corella";
const deployment = read(`${chart}/templates/deployment.yaml`);
const values = parseYaml(read(`${chart}/values.yaml`), "values.yaml") as {
  readonly podAnnotations: Readonly<Record<string, string>>;
  readonly extraArgs: readonly string[];
};
const kserve = read("deploy/kserve/inference-service.yaml");
const compose = parseYaml(read("deploy/compose.yaml"), "compose.yaml") as {
  readonly services: {
    readonly serve: {
      readonly command: string[];
      readonly ports: string[];
      readonly stop_grace_period: string;
    };
    readonly redis: { readonly command: string[] };
  };
};

/** The words of the image's own command after the program. */
const entry = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)![1]!) as string[];

/** Arguments of a manifest's container, in which templates stand for values. */
const argumentsOf = (manifest: string): string[] =>
  [...manifest.matchAll(/^ +- (--[\w-]+)(?:=(.*))?$/gm)].flatMap(([, flag, value]) =>
    value === undefined ? [flag!] : [flag!, value],
  );

/** Numbers after a name, wherever in a text. */
const numbersAfter = (name: RegExp, text: string): number[] =>
  [...text.matchAll(new RegExp(`(?:${name.source})(\\d+)`, "g"))].map(([, number]) => Number(number));

describe("the command", () => {
  const help = execFileSync(
    process.execPath,
    [
      "--conditions=source",
      "--import",
      import.meta.resolve("tsx"),
      join(repository, "apps/serve/src/main.ts"),
      "--help",
    ],
    { cwd: repository, encoding: "utf8" },
  );
  const usage = parseHelp(help);

  test.each([
    ["Dockerfile", entry.slice(2)],
    ["compose.yaml", compose.services.serve.command],
    ["the chart", [...argumentsOf(deployment), ...values.extraArgs]],
    ["KServe's runtime", argumentsOf(kserve)],
  ])("%s gives options that there are", (_, words) => {
    expect(words.length).toBeGreaterThan(1);
    const parsed = parseDocumented(words, usage);
    expect(typeof parsed, String(parsed)).toBe("object");
  });

  test("its file is there, and types are stripped by a Node that can", () => {
    expect(entry.slice(0, 2)).toEqual(["node", "src/main.ts"]);
    expect(existsSync(join(repository, "apps/serve/src/main.ts"))).toBe(true);
    const [, major] = /^ARG NODE_IMAGE=node:(\d+)-/m.exec(dockerfile)!;
    expect(Number(major)).toBeGreaterThanOrEqual(24);
  });

  test("compose waits longer than the server for what runs", () => {
    const { command, stop_grace_period: grace } = compose.services.serve;
    const delayMs = Number(command[command.indexOf("--drain-delay") + 1]);
    const defaultMs = Number(/--drain-timeout[^(]*\(default: (\d+)\)/.exec(help)![1]);
    expect(1000 * Number.parseInt(grace, 10)).toBeGreaterThan(delayMs + defaultMs);
  });
});

test("one port everywhere", () => {
  const port = Number(entry[entry.indexOf("--port") + 1]);
  expect(Number(/^EXPOSE (\d+)$/m.exec(dockerfile)![1])).toBe(port);
  expect(numbersAfter(/127\.0\.0\.1:/, dockerfile)).toEqual([port]);
  expect(compose.services.serve.ports).toEqual([`127.0.0.1:${port}:${port}`]);
  expect(values.podAnnotations["prometheus.io/port"]).toBe(String(port));
  for (const manifest of [deployment, kserve]) {
    const ports = numbersAfter(/containerPort: |[, ]port: /, manifest);
    expect(ports.length).toBeGreaterThan(0);
    expect(new Set(ports)).toEqual(new Set([port]));
  }
});

test("paths that are asked are endpoints", () => {
  const endpoints = read("apps/serve/README.md");
  const asked = [
    ...[dockerfile, deployment, kserve].flatMap((text) =>
      [...text.matchAll(/(?:path: |127\.0\.0\.1:\d+)(\/[\w/-]+)/g)].map(([, path]) => path!),
    ),
    values.podAnnotations["prometheus.io/path"]!,
  ];
  expect(new Set(asked)).toEqual(new Set(["/health/ready", "/health/live", "/metrics"]));
  for (const path of asked) expect(endpoints).toContain(`\`GET ${path}\``);
});

test("the image is built of what there is, by the package manager that made the lock file", () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths]) =>
    paths!.split(" "),
  );
  const ignored = read("deploy/Dockerfile.dockerignore");
  const sent = [...ignored.matchAll(/^!(.+)$/gm)].map(([, path]) => path!);
  for (const path of [...copied, ...sent]) expect(existsSync(join(repository, path)), path).toBe(true);
  for (const path of copied) if (path !== ".") expect(sent).toContain(path);
  for (const [, name] of dockerfile.matchAll(/--filter "?([@\w/-]+)/g)) {
    const file = name!.startsWith("@corella/") ? `apps/${name!.slice(9)}/package.json` : "package.json";
    expect((JSON.parse(read(file)) as { name: string }).name).toBe(name);
  }
  const { devEngines } = JSON.parse(read("package.json")) as {
    devEngines: { packageManager: { version: string } };
  };
  expect(dockerfile).toContain(`pnpm@${devEngines.packageManager.version.replace("^", "")}`);
});

test("what Redis is told makes it one that a store accepts", () => {
  const { command } = compose.services.redis;
  const settings = Object.fromEntries(
    command.flatMap((word, i) => (word.startsWith("--") ? [[word, command[i + 1]]] : [])),
  ) as Record<string, string>;
  expect(settings).toEqual({
    "--appendonly": "yes",
    "--appendfsync": "always",
    "--maxmemory-policy": "noeviction",
  });
});

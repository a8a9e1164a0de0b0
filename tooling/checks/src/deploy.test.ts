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
const trainDockerfile = read("deploy/train.Dockerfile");
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

/** The words of an image's own command. */
const entryOf = (file: string): string[] => JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(file)![1]!) as string[];
const entry = entryOf(dockerfile);
const images = [
  ["Dockerfile", dockerfile],
  ["train.Dockerfile", trainDockerfile],
] as const;

/** What a command says of itself. */
const helpOf = (app: string): string =>
  execFileSync(
    process.execPath,
    [
      "--conditions=source",
      "--import",
      import.meta.resolve("tsx"),
      join(repository, `apps/${app}/src/main.ts`),
      "--help",
    ],
    { cwd: repository, encoding: "utf8" },
  );

/** Arguments of a manifest's container, in which templates stand for values. */
const argumentsOf = (manifest: string): string[] =>
  [...manifest.matchAll(/^ +- (--[\w-]+)(?:=(.*))?$/gm)].flatMap(([, flag, value]) =>
    value === undefined ? [flag!] : [flag!, value],
  );

/** Numbers after a name, wherever in a text. */
const numbersAfter = (name: RegExp, text: string): number[] =>
  [...text.matchAll(new RegExp(`(?:${name.source})(\\d+)`, "g"))].map(([, number]) => Number(number));

describe("the command", () => {
  const help = helpOf("serve");
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

  test("the image that trains gives options that there are", () => {
    const parsed = parseDocumented(entryOf(trainDockerfile).slice(2), parseHelp(helpOf("train")));
    expect(typeof parsed, String(parsed)).toBe("object");
  });

  test("its file is there, and types are stripped by a Node that can", () => {
    expect(entry.slice(0, 2)).toEqual(["node", "src/main.ts"]);
    expect(entryOf(trainDockerfile).slice(0, 2)).toEqual(["node", "/trained/src/main.ts"]);
    for (const app of ["serve", "train"])
      expect(existsSync(join(repository, `apps/${app}/src/main.ts`))).toBe(true);
    for (const [, file] of images)
      expect(Number(/^ARG NODE_IMAGE=node:(\d+)-/m.exec(file)![1])).toBeGreaterThanOrEqual(24);
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

describe.each(images)("%s", (name, file) => {
  test("is built of what there is, by the package manager that made the lock file", () => {
    const copied = [...file.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths]) =>
      paths!.split(" "),
    );
    const ignored = read(`deploy/${name}.dockerignore`);
    const sent = [...ignored.matchAll(/^!(.+)$/gm)].map(([, path]) => path!);
    for (const path of [...copied, ...sent]) expect(existsSync(join(repository, path)), path).toBe(true);
    for (const path of copied) if (path !== ".") expect(sent).toContain(path);
    for (const [, filtered] of file.matchAll(/--filter "?([@\w/-]+)/g)) {
      const manifest = filtered!.startsWith("@corella/")
        ? `apps/${filtered!.slice(9)}/package.json`
        : "package.json";
      expect((JSON.parse(read(manifest)) as { name: string }).name).toBe(filtered);
    }
    const { devEngines } = JSON.parse(read("package.json")) as {
      devEngines: { packageManager: { version: string } };
    };
    expect(file).toContain(`pnpm@${devEngines.packageManager.version.replace("^", "")}`);
  });

  test("gives the same image tomorrow, without development dependencies, to a user who is not root", () => {
    expect(file).toMatch(/^ARG NODE_IMAGE=\S+@sha256:[\da-f]{64}$/m);
    expect(file).toContain("pnpm install --frozen-lockfile");
    expect(file).toMatch(/deploy --prod/);
    const final = file.slice(file.lastIndexOf("\nFROM "));
    expect(final).toMatch(/^USER [1-9]\d*$/m);
    expect(final).toMatch(/^HEALTHCHECK /m);
    expect(final).not.toMatch(/^RUN /m);
  });
});

test("what compose starts of ours has a read-only root, no capabilities and no way to more", () => {
  const services = parseYaml(read("deploy/compose.yaml"), "compose.yaml") as {
    readonly services: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
  for (const name of ["serve", "train"])
    expect(services.services[name]).toMatchObject({
      read_only: true,
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
      tmpfs: ["/tmp"],
    });
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

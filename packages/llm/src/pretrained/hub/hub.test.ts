import { createHash, randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { fetchModel, loadPretrained } from "../../index.ts";
import type { HubProgress } from "./fetch-file.ts";

const commit = "0123456789abcdef0123456789abcdef01234567";
const model = fileURLToPath(new URL("../../goldens/gemma3/model", import.meta.url));
let server: Server;
let hubUrl: string;
let cacheFolder: string;
let contents: Map<string, Buffer>;
let requests: { path: string; range: string | undefined; authorization: string | undefined }[];
/** Takes the place of the hub's answer when it returns true. */
let intercept: (path: string, response: ServerResponse) => boolean;

beforeEach(async () => {
  cacheFolder = await mkdtemp(join(tmpdir(), "corella-hub-"));
  contents = new Map(
    ["README.md", "consolidated.safetensors"].map((name) => [name, Buffer.from("not wanted")]),
  );
  for (const name of ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"])
    contents.set(name, await readFile(join(model, name)));
  requests = [];
  intercept = () => false;
  // The endpoints of the hub that a download uses.
  server = createServer(({ url, headers }, response) => {
    const path = new URL(url!, "http://localhost").pathname;
    requests.push({ path, range: headers.range, authorization: headers.authorization });
    if (intercept(path, response)) return;
    const json = (value: unknown): void => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(value));
    };
    if (path.startsWith("/api/models/tiny/llama/revision/"))
      return json({ _id: "1", id: "tiny/llama", sha: commit });
    if (path === `/api/models/tiny/llama/tree/${commit}`)
      return json(
        [...contents].map(([name, bytes]) => ({
          type: "file",
          path: name,
          size: bytes.length,
          oid: "1",
          ...(name.endsWith(".safetensors")
            ? {
                lfs: {
                  oid: createHash("sha256").update(bytes).digest("hex"),
                  size: bytes.length,
                  pointerSize: 1,
                },
              }
            : {}),
        })),
      );
    const bytes = contents.get(path.replace(`/tiny/llama/resolve/${commit}/`, ""));
    if (bytes === undefined)
      return void response.writeHead(404, { "x-error-code": "RepoNotFound" }).end("{}");
    const [from, to] = (/bytes=(\d+)-(\d*)/.exec(headers.range ?? "") ?? []).slice(1);
    const part = bytes.subarray(Number(from ?? 0), to ? Number(to) + 1 : bytes.length);
    response.writeHead(from === undefined ? 200 : 206, {
      etag: '"1"',
      "content-length": part.length,
      ...(from === undefined
        ? {}
        : { "content-range": `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}` }),
    });
    response.end(part);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  hubUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
  await rm(cacheFolder, { recursive: true, force: true });
});

const fetched = (source = "hf:tiny/llama", onProgress?: (progress: HubProgress) => void): Promise<string> =>
  fetchModel(source, { cacheFolder, hubUrl, onProgress });
const offline = (): Promise<void> =>
  new Promise((resolve) => {
    server.closeAllConnections();
    server.close(() => resolve());
  });

test("a model is fetched once; later it needs no internet", async () => {
  const progress: HubProgress[] = [];
  const folder = await fetched("hf:tiny/llama", (step) => progress.push(step));
  expect(folder).toBe(join(cacheFolder, "models--tiny--llama", "snapshots", commit));
  expect((await readdir(folder)).sort()).toEqual([
    ".corella-complete",
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
  ]);
  const size = (await stat(join(model, "model.safetensors"))).size;
  const last = { file: "model.safetensors", receivedBytes: size, totalBytes: size };
  expect(progress).toContainEqual(last);
  requests = [];
  expect(await fetched()).toBe(folder);
  expect(requests.map(({ path }) => path)).toEqual(["/api/models/tiny/llama/revision/main"]);
  await offline();
  expect(await fetched()).toBe(folder);
  expect(await fetched(`hf:tiny/llama@${commit}`)).toBe(folder);
  const loaded = await loadPretrained("hf:tiny/llama", { cacheFolder, hubUrl });
  expect(loaded.values).toEqual((await loadPretrained(model)).values);
  await expect(fetched("hf:tiny/llama@other")).rejects.toMatchObject({ code: "llm/hub-unreachable" });
});

test("an interrupted download goes on where it stopped", async () => {
  const bytes = contents.get("model.safetensors")!;
  const half = Math.floor(bytes.length / 2);
  let probed = false;
  intercept = (path, response) => {
    if (!path.endsWith("model.safetensors")) return false;
    if (!probed) return !(probed = true);
    response.writeHead(200, { "content-length": bytes.length });
    response.write(bytes.subarray(0, half), () => setTimeout(() => response.destroy(), 50));
    return true;
  };
  await expect(fetched()).rejects.toMatchObject({ code: "llm/hub-unreachable" });
  const folder = join(cacheFolder, "models--tiny--llama", "snapshots", commit);
  expect((await stat(join(folder, "model.safetensors.incomplete"))).size).toBe(half);
  intercept = () => false;
  requests = [];
  await fetched();
  expect(requests.filter(({ path }) => path.endsWith(".safetensors")).map(({ range }) => range)).toEqual([
    "bytes=0-0",
    `bytes=${half}-${bytes.length - 1}`,
  ]);
  expect(await readFile(join(folder, "model.safetensors"))).toEqual(bytes);
});

test("what a process that was killed left is taken over, and not what another one writes", async () => {
  const bytes = contents.get("model.safetensors")!;
  const folder = join(cacheFolder, "models--tiny--llama", "snapshots", commit);
  await mkdir(folder, { recursive: true });
  const leave = async (name: string, length: number, ageMs: number): Promise<string> => {
    const path = join(folder, `${name}.${randomUUID()}.incomplete`);
    await writeFile(path, bytes.subarray(0, length));
    const time = new Date(Date.now() - ageMs);
    await utimes(path, time, time);
    return path;
  };
  const written = await leave("model.safetensors", 300, 20_000);
  const ofAnother = await leave("model.safetensors.index.json", 200, 120_000);
  await leave("model.safetensors", 100, 120_000);
  await leave("model.safetensors", 50, 120_000);
  await fetched();
  expect(requests.map(({ range }) => range)).toContain(`bytes=100-${bytes.length - 1}`);
  expect(await readFile(join(folder, "model.safetensors"))).toEqual(bytes);
  const left = (await readdir(folder)).filter((name) => name.endsWith(".incomplete"));
  expect(left.map((name) => join(folder, name)).sort()).toEqual([written, ofAnother].sort());
});

test("two fetches at once do not disturb each other", async () => {
  const bytes = contents.get("model.safetensors")!;
  const half = Math.floor(bytes.length / 2);
  const waiting: ServerResponse[] = [];
  intercept = (path, response) => {
    if (!path.endsWith("model.safetensors") || response.req.headers.range === "bytes=0-0") return false;
    // Each has half of the file before either has the whole.
    response.writeHead(200, { "content-length": bytes.length });
    response.write(bytes.subarray(0, half));
    if (waiting.push(response) === 2)
      setTimeout(() => waiting.forEach((each) => each.end(bytes.subarray(half))), 50);
    return true;
  };
  const [folder, other] = await Promise.all([fetched(), fetched()]);
  expect(other).toBe(folder);
  expect(await readFile(join(folder!, "model.safetensors"))).toEqual(bytes);
  expect((await readdir(folder!)).filter((name) => name.endsWith(".incomplete"))).toEqual([]);
});

test("what arrives damaged is an error, is not kept, and is fetched anew", async () => {
  const bytes = contents.get("model.safetensors")!;
  let asked = 0;
  intercept = (path, response) => {
    if (!path.endsWith("model.safetensors") || ++asked !== 2) return false;
    response.end(Buffer.alloc(bytes.length));
    return true;
  };
  await expect(fetched()).rejects.toMatchObject({
    code: "llm/hub-damaged",
    message: "The file model.safetensors arrived with other contents than the hub names.",
  });
  expect(await readFile(join(await fetched(), "model.safetensors"))).toEqual(bytes);
});

describe("errors", () => {
  test("without internet", async () => {
    await offline();
    await expect(fetched()).rejects.toMatchObject({
      code: "llm/hub-unreachable",
      message: expect.stringMatching(/not \(wholly\) in the cache.*ECONNREFUSED/),
      place: `hf:tiny/llama@main at ${hubUrl}`,
    });
  });

  test("for models that are not there or not open to all; the token is sent and not shown", async () => {
    await expect(fetched("hf:tiny/other")).rejects.toMatchObject({ code: "llm/hub-not-found" });
    vi.stubEnv("HF_TOKEN", "hf_secret");
    intercept = (_, response) => Boolean(response.writeHead(403).end("gated"));
    const error: unknown = await fetched().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "llm/hub-access", remedy: expect.stringContaining("HF_TOKEN") });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("hf_secret");
    expect(requests.at(-1)!.authorization).toBe("Bearer hf_secret");
  });

  test.each(["hf:", "hf:name", "hf:a/b/c", "hf:../x", "hf:a/..", "hf:a/b@../../x"])(
    "for %s",
    async (source) => {
      await expect(fetched(source)).rejects.toMatchObject({ code: "llm/hub-reference" });
    },
  );

  test("an abort ends the download with the signal's reason", async () => {
    const abort = new AbortController();
    intercept = (path) => {
      if (path.endsWith("model.safetensors")) abort.abort(new Error("enough"));
      return path.endsWith("model.safetensors");
    };
    await expect(fetchModel("hf:tiny/llama", { cacheFolder, hubUrl, signal: abort.signal })).rejects.toThrow(
      "enough",
    );
  });

  test("files of Hugging Face's own tools are taken as they are", async () => {
    const folder = await fetched();
    await rm(join(folder, ".corella-complete"));
    await writeFile(join(folder, "config.json"), "short");
    requests = [];
    await fetched();
    expect(
      requests.filter(({ path }) => path.includes("resolve")).map(({ path }) => path.split("/").at(-1)),
    ).toEqual(["config.json", "config.json"]);
  });
});

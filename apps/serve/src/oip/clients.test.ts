import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { recordAt } from "@corella/modality";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listen } from "../http/listen.ts";
import { columnsOf, readMessage } from "./message.test-helper.ts";
import { tinyServer, type TinyServer } from "./tiny-server.test-helper.ts";

// What tritonclient and KServe's client really send and need, of tooling/reference/oip_*.py. CORELLA_RECORD_OIP=1 records it anew.
const peers = process.env["CORELLA_PEERS"] ?? join(homedir(), ".cache/corella-peers");
const reference = join(import.meta.dirname, "../../../../tooling/reference");
const clients = [
  { name: "tritonclient", script: "oip_triton.py" },
  { name: "kserve", script: "oip_kserve.py" },
].map(({ name, script }) => ({
  name,
  script: join(reference, script),
  python: join(peers, name, "bin/python"),
  golden: join(import.meta.dirname, "goldens", `${name}.json`),
}));
const isRecording = process.env["CORELLA_RECORD_OIP"] === "1";

type Body = { readonly text: string } | { readonly base64: string };
interface Exchange {
  readonly call: string;
  readonly request: Body & {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
  };
  readonly response: Body & { readonly status: number; readonly headers: Readonly<Record<string, string>> };
}
interface Golden {
  readonly client: Readonly<Record<string, string>>;
  /** Of the bundle then; others have other contents. */
  readonly modelVersion: string;
  readonly exchanges: readonly Exchange[];
}

let folder: string;
let server: TinyServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-oip-"));
  server = await tinyServer(join(folder, "bundle"));
});
afterAll(async () => {
  await server.predictor.dispose();
  await rm(folder, { recursive: true });
});

const bytesOf = (body: Body): Uint8Array<ArrayBuffer> =>
  new Uint8Array("text" in body ? Buffer.from(body.text) : Buffer.from(body.base64, "base64"));

/** Headers of answers that the protocol speaks of. */
const comparedHeaders = ["content-type", "content-encoding", "allow", "retry-after"];

/** Numbers to five digits after the point, times and versions left out: another processor rounds differently. */
function comparable(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (key, inner: unknown) => {
    if (key === "ns" || key === "last_inference") return 0;
    // The length of compressed or printed numbers says nothing.
    return typeof inner === "number" && !Number.isInteger(inner) ? expect.closeTo(inner, 5) : inner;
  }) as unknown;
}

describe.each(clients)("$name itself", ({ script, python, golden }) => {
  test.skipIf(!isRecording && !existsSync(python))(
    "is content with every answer",
    { timeout: 120_000 },
    async () => {
      const app = server.app();
      const http = await listen({ host: "127.0.0.1", port: 0 }, app);
      const record = isRecording ? ["--record", golden] : [];
      const env = { ...process.env, PYTHONDONTWRITEBYTECODE: "1" };
      try {
        await promisify(execFile)(python, [script, "--server", new URL(http.url).host, ...record], { env });
      } finally {
        await http.close(1000);
      }
    },
  );
});

describe.each(clients)("what $name sends", ({ golden }) => {
  test("is answered as when it was content", async () => {
    const { modelVersion, exchanges } = JSON.parse(readFileSync(golden, "utf8")) as Golden;
    const { version } = server.deployment.info.bundle;
    const now = (text: string): string => text.replaceAll(modelVersion, version);
    const app = server.app();
    for (const { call, request, response } of exchanges) {
      const answer = await app.request(now(request.path), {
        method: request.method,
        headers: request.headers,
        ...(request.method === "POST" ? { body: bytesOf(request) } : {}),
      });
      const headers = Object.fromEntries(answer.headers);
      const told = (of: Readonly<Record<string, string>>): unknown => comparedHeaders.map((name) => of[name]);
      expect([answer.status, told(headers)], call).toEqual([response.status, told(response.headers)]);
      const actual = readMessage(new Uint8Array(await answer.arrayBuffer()), headers);
      const recorded = readMessage(bytesOf(response), response.headers);
      expect(actual.binary, call).toEqual(recorded.binary);
      const expected: unknown = JSON.parse(now(JSON.stringify(recorded.json)));
      expect(comparable(actual.json), call).toEqual(comparable(expected));
    }
    expect(exchanges.length).toBeGreaterThan(10);
  });

  test("says nothing about the machine", () => {
    expect(readFileSync(golden, "utf8")).not.toMatch(
      /127\.0\.0\.1|localhost|\/home\/|\/root\/|\/tmp\/|\/work\//,
    );
  });
});

test("probabilities are those of POST /v1/score and of the offline predictor", async () => {
  const { log, predictor } = server;
  const app = server.app();
  const all = Array.from({ length: log.size }, (_, row) => recordAt(log, row));
  const records = all.filter(({ user }) => user === "user-1" || user === "user-4");
  const offline = await predictor.score(records);
  const post = (path: string, body: object): Promise<Response> =>
    Promise.resolve(
      app.request(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    );
  const own = (await (await post("/v1/score", { samples: records })).json()) as {
    predictions: typeof offline;
  };
  const close = (actual: unknown, expected: number | undefined): void => {
    expect(actual === null).toBe(expected === undefined);
    expect(Math.abs((actual as number) - (expected ?? 0))).toBeLessThan(1e-6);
  };
  for (const binary of [true, false]) {
    const response = await post("/v2/models/tiny/infer", {
      inputs: [
        {
          name: "record",
          shape: [records.length, 1],
          datatype: "BYTES",
          data: records.map((r) => JSON.stringify(r)),
        },
      ],
      parameters: { binary_data_output: binary },
    });
    expect(response.status).toBe(200);
    const message = readMessage(
      new Uint8Array(await response.arrayBuffer()),
      Object.fromEntries(response.headers),
    );
    const columns = columnsOf(message);
    for (const predictions of [offline, own.predictions]) {
      expect(columns["route"]).toEqual(predictions.map(({ route }) => route));
      for (const [row, { probability, pCrm, pLlm, entropy }] of predictions.entries()) {
        close(columns["probability"]![row], probability);
        close(columns["p_crm"]![row], pCrm);
        close(columns["p_llm"]![row], pLlm);
        close(columns["entropy"]![row], entropy);
      }
    }
  }
  expect(new Set(offline.map(({ route }) => route))).toEqual(new Set(["crm", "llm"]));

  // Of user and item alone the rest is what the bundle knows.
  const samples = log.items.ids.map((item, i) => ({ user: log.users.ids[i % log.users.ids.length]!, item }));
  const known = (await (await post("/v1/score", { samples })).json()) as { predictions: typeof offline };
  const tensor = (name: "user" | "item"): object => ({
    name,
    shape: [samples.length, 1],
    datatype: "BYTES",
    data: samples.map((sample) => sample[name]),
  });
  const response = await post("/v2/models/tiny/infer", { inputs: [tensor("user"), tensor("item")] });
  const columns = columnsOf(readMessage(new Uint8Array(await response.arrayBuffer()), {}));
  for (const [row, { probability }] of known.predictions.entries())
    close(columns["probability"]![row], probability);
});

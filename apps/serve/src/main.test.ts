import { appendFile, cp, mkdtemp, rm, utimes } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { loadPredictor, openBundle } from "@corella/bundle";
import { recordAt, type InteractionLog, type RatingRecord } from "@corella/modality";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { saveTinyBundle } from "@corella/bundle/testing";
import { endAll, ready, score, send, start } from "./served-process.test-helper.ts";

let runs: string;
let bundleFolder: string;
let log: InteractionLog;

beforeAll(async () => {
  runs = await mkdtemp(join(tmpdir(), "corella-serve-"));
  await mkdtemp(join(runs, "unfinished-"));
  bundleFolder = join(await mkdtemp(join(runs, "run-")), "bundle");
  log = await saveTinyBundle(bundleFolder);
});

afterEach(endAll);

afterAll(() => rm(runs, { recursive: true }));

function allRecords(): RatingRecord[] {
  return Array.from({ length: log.size }, (_, row) => recordAt(log, row));
}

describe("a real bundle over HTTP", () => {
  test("answers are those of the offline predictor, the event loop stays free, and it stops in order", async () => {
    const serving = start(..."--port 0 --log text --drain-timeout 60000 --runs".split(" "), runs);
    const url = await ready(serving);
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    expect(await (await fetch(`${url}/v1/info`)).json()).toMatchObject({
      bundle: { name: "tiny" },
      models: { crm: "DCNv2", llm: "Llama from scratch, 2 layers of 64" },
      items: 20,
      users: 12,
    });

    // The example that it prints works.
    const [, example] = /-d '(.*)'/.exec(serving.output())!;
    expect(await score(url, JSON.parse(example!) as object)).toMatchObject({
      probability: expect.any(Number) as number,
    });

    const records = allRecords();
    const predictor = await loadPredictor(await openBundle(bundleFolder), { runtime: { threads: 2 } });
    const offline = await predictor.score(records);
    await predictor.dispose();
    const { predictions } = await score(url, { samples: records });
    expect(predictions.map(({ route }) => route)).toEqual(offline.map(({ route }) => route));
    expect(new Set(predictions.map(({ route }) => route))).toEqual(new Set(["crm", "llm"]));
    for (const [row, expected] of offline.entries()) {
      const served = predictions[row]!;
      expect(Math.abs(served.probability - expected.probability)).toBeLessThan(1e-6);
      expect(Math.abs(served.pCrm! - expected.pCrm!)).toBeLessThan(1e-6);
      expect(Math.abs(served.entropy! - expected.entropy!)).toBeLessThan(1e-6);
      expect(served.degraded).toBeUndefined();
    }

    // A known user's stored history is what the log ends with: user and item suffice.
    const last = log.userRows[log.userOffsets[1]! - 1]!;
    const known = { user: log.users.ids[0]!, item: log.items.ids[3]! };
    const past = recordAt(log, last);
    const { item, rating, time } = {
      item: past.item,
      rating: Number(log.rating[last]!.toPrecision(7)),
      time: past.time!,
    };
    const history = [...past.history, { item, rating, time }].slice(-log.history.maxLength);
    const [stored] = (await score(url, { samples: [known] })).predictions;
    const [told] = (await score(url, { samples: [{ ...known, history }] })).predictions;
    // The second one goes on from what the LLM kept of the first: the same but for rounding.
    const { probability, pLlm, ...exact } = stored!;
    expect(told).toMatchObject(exact);
    expect(Math.abs(told!.probability - probability)).toBeLessThan(1e-6);
    expect(Math.abs((told!.pLlm ?? 0) - (pLlm ?? 0))).toBeLessThan(1e-6);

    // A rank is the scores of its candidates, whose histories go to each thread once.
    const candidates = log.items.ids.slice(0, 12);
    const rank = { user: known.user, candidates, llm: "always" };
    const { items } = await send<{ items: { item: string; probability: number }[] }>(`${url}/v1/rank`, rank);
    const asScored = await score(url, {
      samples: candidates.map((each) => ({ user: known.user, item: each })),
      llm: "always",
    });
    expect(items.map((each) => each.probability)).toEqual(
      items.map((each) => each.probability).toSorted((a, b) => b - a),
    );
    for (const [i, candidate] of candidates.entries()) {
      const ranked = items.find((each) => each.item === candidate)!;
      expect(Math.abs(ranked.probability - asScored.predictions[i]!.probability)).toBeLessThan(1e-6);
    }

    // While the LLM works on 240 samples, other requests are answered.
    const samples = Array.from({ length: 240 }, (_, i) => records[i % records.length]!);
    const long = score(url, { samples, llm: "always" });
    await sleep(100);
    let answered = 0;
    while ((await Promise.race([long, sleep(0)])) === undefined) {
      expect((await fetch(`${url}/health/live`)).status).toBe(200);
      answered += 1;
    }
    const { latencyMs } = await long;
    // A loop that blocks would have let two pass at most.
    expect(answered, `in ${latencyMs} ms`).toBeGreaterThan(10);

    // A running request is finished after the signal; new ones are not taken.
    const unfinished = score(url, { samples, llm: "always" });
    await sleep(200);
    serving.child.kill("SIGTERM");
    expect((await unfinished).predictions).toHaveLength(240);
    expect(await serving.ended).toBe(0);
    await expect(fetch(`${url}/health/live`)).rejects.toThrow("fetch failed");
    expect(serving.output()).toMatch(/^POST \/v1\/score 200 [\d.]+ ms$/m);
    expect(serving.output()).not.toContain("user-0");
  });

  test.each(["crm", "llm"] as const)("a bundle of the %s alone", async (model) => {
    const folder = join(runs, `alone-${model}`);
    await saveTinyBundle(folder, [model]);
    const serving = start("--bundle", folder, "--port", "0");
    const url = await ready(serving);
    const info = (await (await fetch(`${url}/v1/info`)).json()) as object;
    expect(Object.keys((info as { models: object }).models)).toEqual([model]);
    expect("router" in info).toBe(false);
    expect("features" in info).toBe(model === "crm");
    expect(info).toMatchObject({ historyLength: 6 });
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    const records = allRecords().slice(0, 50);
    const predictor = await loadPredictor(await openBundle(folder), { runtime: { threads: 2 } });
    const offline = await predictor.score(records);
    await predictor.dispose();
    const { predictions } = await score(url, { samples: records });
    for (const [row, { route, probability }] of predictions.entries()) {
      expect(route).toBe(model);
      expect(Math.abs(probability - offline[row]!.probability)).toBeLessThan(1e-6);
    }
    serving.child.kill("SIGTERM");
    expect(await serving.ended).toBe(0);
  });

  test("a server for the LLM of a bundle without one is refused", async () => {
    const folder = join(runs, "alone-crm");
    const serving = start(
      "--bundle",
      folder,
      "--port",
      "0",
      "--llm-url",
      "http://[::1]:1/v1",
      "--llm-model",
      "x",
    );
    expect(await serving.ended).toBe(1);
    expect(serving.output()).toContain("error [bundle/no-model] The bundle has no LLM.");
  });

  test("an LLM that is too slow is not waited for", async () => {
    const serving = start("--bundle", bundleFolder, "--port", "0", "--llm-timeout", "1");
    const url = await ready(serving);
    const { predictions } = await score(url, { samples: allRecords(), llm: "always" });
    expect(
      predictions.every(
        ({ route, degraded, probability, pCrm }) =>
          route === "crm" && degraded === true && probability === pCrm,
      ),
    ).toBe(true);
  });
});

describe("mistakes end in one clear error", () => {
  async function mistake(...options: string[]): Promise<string> {
    const serving = start(...options);
    expect(await serving.ended).toBe(1);
    expect(serving.output()).not.toMatch(/^ {4}at /m);
    return serving.output();
  }

  test("no bundle yet", async () => {
    const output = await mistake("--runs", join(runs, "nowhere"));
    expect(output).toContain("error [bundle/none]");
    expect(output).toContain("pnpm train");
  });

  test("a folder that is no bundle", async () => {
    expect(await mistake("--bundle", runs)).toContain("error [bundle/missing]");
  });

  test("a damaged bundle", async () => {
    const damaged = join(runs, "run-damaged", "bundle");
    await cp(bundleFolder, damaged, { recursive: true });
    await appendFile(join(damaged, "crm.safetensors"), "x");
    // Older, so that the default stays the good one.
    await utimes(join(damaged, "manifest.json"), 1, 1);
    const output = await mistake("--bundle", damaged);
    expect(output).toContain("error [bundle/damaged]");
    expect(output).toContain("crm.safetensors");
  });

  test("a port in use", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => {
      other.listen(0, "127.0.0.1", resolve);
    });
    const { port } = other.address() as AddressInfo;
    const output = await mistake("--bundle", bundleFolder, "--port", String(port));
    other.close();
    expect(output).toContain(`error [serve/port-in-use] Port ${port} is in use.`);
    expect(output).toContain("--port");
  });

  test("a port that is none", async () => {
    expect(await mistake("--port=65536")).toContain('error [serve/bad-option] "65536" is not a port.');
  });

  test("a host that is not ours", async () => {
    const host = ["--host", "192.0.2.1", "--no-auth"];
    expect(await mistake("--bundle", bundleFolder, "--port", "0", ...host)).toContain(
      "error [serve/bad-host]",
    );
  });
});

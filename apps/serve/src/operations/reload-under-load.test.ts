import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { saveBundle } from "@corella/bundle";
import { saveTinyBundle, tinyCrm, tinyLlm } from "@corella/bundle/testing";
import { catalogueFromLog, type InteractionLog } from "@corella/modality";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { endAll, ready, score, send, start } from "../served-process.test-helper.ts";

let folder: string;
let log: InteractionLog;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-reload-"));
});
afterEach(endAll);
afterAll(() => rm(folder, { recursive: true }));

/** The tiny bundle with the same models, but a router that sends nothing to the LLM: another version. */
async function saveAnother(bundle: string): Promise<void> {
  await rm(bundle, { recursive: true });
  await saveBundle(bundle, {
    name: "tiny",
    catalogue: catalogueFromLog(log),
    log,
    crm: tinyCrm(log),
    llm: await tinyLlm(log),
    router: { policy: { kind: "threshold", entropy: 0.7 }, mix: { kind: "replace" } },
  });
}

test(
  "while bundles are exchanged under load every request is answered, and events are known before and after",
  { timeout: 240_000 },
  async () => {
    const bundle = join(folder, "bundle");
    log = await saveTinyBundle(bundle);
    const serving = start(
      ..."--port 0 --admin --threads 1 --bundle".split(" "),
      `main=${bundle}`,
      "--store",
      join(folder, "events.db"),
    );
    const url = await ready(serving);
    const sample = { user: "user-3", item: "item-4" };
    const pCrmOf = async (): Promise<number> =>
      (await score(url, { samples: [sample] })).predictions[0]!.pCrm!;
    const before = await pCrmOf();
    const event = { user: "user-3", item: "item-7", rating: 5 };
    expect(await send(`${url}/v1/events`, { ...event, id: "a" })).toEqual({ added: 1, repeated: 0 });
    const known = await pCrmOf();
    expect(known).not.toBe(before);

    const seen = new Map<string, number>();
    const wrong: unknown[] = [];
    const over = new AbortController();
    const client = async (number: number): Promise<void> => {
      for (let i = 0; !over.signal.aborted; i++) {
        const item = `item-${(7 * number + i) % 19}`;
        try {
          const response = await fetch(`${url}/v1/score`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ user: `user-${(number + i) % 11}`, item }),
          });
          const text = await response.text();
          if (response.status !== 200 || text.includes("degraded")) wrong.push([response.status, text]);
          const served = response.headers.get("corella-bundle")!;
          seen.set(served, (seen.get(served) ?? 0) + 1);
        } catch (error) {
          wrong.push(error);
        }
      }
    };
    const clients = Promise.all(Array.from({ length: 6 }, (_, number) => client(number)));
    await expect.poll(() => [...seen.values()][0] ?? 0, { timeout: 20_000 }).toBeGreaterThan(15);
    const [first] = seen.keys();
    await saveAnother(bundle);
    const { bundles } = await send<{ bundles: { name: string; version: string }[] }>(
      `${url}/v1/admin/reload`,
      {},
    );
    const second = `${bundles[0]!.name}/${bundles[0]!.version}`;
    expect(second).toMatch(/^main\//);
    expect(second).not.toBe(first);
    await expect.poll(() => seen.get(second) ?? 0, { timeout: 20_000 }).toBeGreaterThan(15);
    // Back by the signal.
    await saveTinyBundle(bundle);
    const ofFirst = seen.get(first!)!;
    await expect
      .poll(
        () => {
          serving.child.kill("SIGHUP"); // refused until the last one's models are gone
          return seen.get(first!)!;
        },
        { timeout: 40_000, interval: 500 },
      )
      .toBeGreaterThan(ofFirst + 15);
    over.abort();
    await clients;
    expect(wrong).toEqual([]);
    expect([...seen.keys()].toSorted()).toEqual([first, second].toSorted());

    // Events of before the reload still count, and so do those after it.
    expect(Math.abs((await pCrmOf()) - known)).toBeLessThan(1e-6);
    expect(await send(`${url}/v1/events`, { ...event, item: "item-9", id: "b" })).toEqual({
      added: 1,
      repeated: 0,
    });
    expect(Math.abs((await pCrmOf()) - known)).toBeGreaterThan(1e-6);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain(`corella_bundle_info{bundle="main",version="${first!.split("/")[1]}"} 1`);
    serving.child.kill("SIGTERM");
    expect(await serving.ended).toBe(0);
  },
);

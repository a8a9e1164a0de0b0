import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBundle, saveBundle } from "@corella/bundle";
import { saveTinyBundle, tinyLlm, tinyLog } from "@corella/bundle/testing";
import { catalogueFromLog } from "@corella/modality";
import { openStore, type EventStore } from "@corella/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openEvents, type KeptEvents } from "./open-events.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-open-events-"));
});
afterAll(() => rm(folder, { recursive: true }));

test.each(["crm", "llm"] as const)(
  "a bundle whose %s looks at more events than the store keeps is refused when it is opened",
  async (model) => {
    const place = join(folder, model);
    await saveTinyBundle(place, [model]);
    const bundle = await openBundle(place);
    const histories = await bundle.histories();
    const open = (store: EventStore): Promise<KeptEvents> =>
      openEvents(store, bundle, { histories, version: "tiny", log: () => {} });
    // Its models look at 6 events.
    const [small, enough] = await Promise.all([
      openStore(`${place}-5.db`, { userEvents: 5 }),
      openStore(`${place}-6.db`, { userEvents: 6 }),
    ]);
    await expect(open(small)).rejects.toMatchObject({
      code: "serve/bad-option",
      place: "--store",
      message:
        "The models of this bundle look at 6 events before a sample, and a store keeps the newest 5 of a user.",
    });
    const events = await open(enough);
    const { historyLength } = events;
    expect((await events.state.history("user-0", historyLength)).events).toHaveLength(6);
    await events.close();
    await Promise.all([small.close(), enough.close()]);
  },
);

test("events of a bundle without a CRM are positive from the threshold of the labels on, whatever the prompt calls liked", async () => {
  const log = tinyLog(); // its labels: 3.5 and more
  const llm = await tinyLlm(log);
  const prompt = { ...llm.prompt, template: "{{user.share}} {{target_item}}", likedThreshold: 5 };
  const bundleFolder = join(folder, "liked");
  await saveBundle(bundleFolder, {
    name: "tiny",
    catalogue: catalogueFromLog(log),
    log,
    llm: { ...llm, prompt },
  });
  const bundle = await openBundle(bundleFolder);
  const store = await openStore(join(folder, "events.db"));
  const of = { histories: await bundle.histories(), version: "1", log: () => {} };
  const events = await openEvents(store, bundle, of);
  const time = log.time.at(-1)! + 60;
  await events.state.append([{ id: "a", user: "new", item: "item-1", rating: 4, time }]);
  const [sample] = await events.state.complete([
    { user: "new", item: "item-2", history: [], time: time + 60 },
  ]);
  expect(sample!.statistics!["user.share"]).toBe(1);
  await events.close();
  await store.close();
});

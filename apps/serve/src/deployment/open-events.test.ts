import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBundle, saveBundle } from "@corella/bundle";
import { tinyLlm, tinyLog } from "@corella/bundle/testing";
import { catalogueFromLog } from "@corella/modality";
import { openStore } from "@corella/store";
import { expect, test } from "vitest";
import { openEvents } from "./open-events.ts";

test("events of a bundle without a CRM are positive from the threshold of the labels on, whatever the prompt calls liked", async () => {
  const folder = await mkdtemp(join(tmpdir(), "corella-open-events-"));
  const log = tinyLog(); // its labels: 3.5 and more
  const llm = await tinyLlm(log);
  const prompt = { ...llm.prompt, template: "{{user.share}} {{target_item}}", likedThreshold: 5 };
  const bundleFolder = join(folder, "bundle");
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
  await rm(folder, { recursive: true });
});

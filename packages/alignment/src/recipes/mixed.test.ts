import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { routingSignals } from "@corella/bundle";
import { recordsAt } from "@corella/modality";
import { expect, test } from "vitest";
import { parseRunConfig } from "../config/config.ts";
import { prepareData } from "../data.ts";
import { smallData, writeSmallData } from "../small-data.test-helper.ts";
import { signalsAt } from "./mixed.ts";

const folder = await mkdtemp(join(tmpdir(), "corella-mixed-"));
await writeSmallData(folder);

test.each([[[]], [[{ name: "seen", type: "statistic", value: "count", by: "item" }]]])(
  "a router knows of rows what it knows of their records, with the further features %j",
  async (further) => {
    const features = [...smallData.features, ...further];
    const config = parseRunConfig({ name: "test", ...smallData, features }, "test.yaml");
    const data = await prepareData(config, folder, join(folder, "cache"));
    const { log, split, featureMap, catalogue } = data;
    const { historyLengths, userEvents, itemEvents } = signalsAt(data, split.test);
    const ofRecords = routingSignals(recordsAt(log, split.test, featureMap), { featureMap, catalogue });
    expect(Array.from(historyLengths)).toEqual(Array.from(ofRecords.historyLengths));
    expect(Array.from(userEvents!)).toEqual(Array.from(ofRecords.userEvents!));
    expect(itemEvents && Array.from(itemEvents)).toEqual(
      ofRecords.itemEvents && Array.from(ofRecords.itemEvents),
    );
    // The log is in the order of time, and no two of its events are of one instant.
    const before = (row: number, column: Int32Array): number =>
      column.subarray(0, row).filter((code) => code === column[row]).length;
    expect(Array.from(userEvents!)).toEqual(Array.from(split.test, (row) => before(row, log.user)));
    expect(Array.from(historyLengths)).toEqual(Array.from(userEvents!, (events) => Math.min(events, 5)));
    expect(itemEvents && Array.from(itemEvents)).toEqual(
      further.length === 0 ? undefined : Array.from(split.test, (row) => before(row, log.item)),
    );
  },
);

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { routingSignals } from "@corella/bundle";
import { recordsAt } from "@corella/modality";
import type { RoutingSignals } from "@corella/routing";
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
    const known = signalsAt(data, split.test);
    const ofRecords = routingSignals(recordsAt(log, split.test, featureMap), { featureMap, catalogue });
    const plain = (signals: RoutingSignals): object =>
      Object.fromEntries(
        Object.entries(signals).flatMap(([name, values]) =>
          values === undefined ? [] : [[name, Array.from(values as Float64Array)]],
        ),
      );
    expect(plain(known)).toEqual(plain(ofRecords));
    // The log is in the order of time, and no two of its events are of one instant.
    const before = (row: number, column: Int32Array): number =>
      column.subarray(0, row).filter((code) => code === column[row]).length;
    const userEvents = Array.from(split.test, (row) => before(row, log.user));
    const itemEvents = Array.from(split.test, (row) => before(row, log.item));
    expect(plain(known)).toEqual({
      historyLengths: userEvents.map((events) => Math.min(events, 5)),
      userEvents,
      ...(further.length === 0 ? {} : { itemEvents }),
    });
  },
);

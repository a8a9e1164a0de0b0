import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { catalogueFromLog } from "../catalogue.ts";
import type { DataConfigInput } from "../config.ts";
import type { FeatureConfig } from "../features/config.ts";
import { defaultFeatures } from "../features/default-features.ts";
import { encodeRecords } from "../features/encode-records.ts";
import { encodeRows } from "../features/encode-rows.ts";
import { fitFeatureMap } from "../features/fit.ts";
import { recordsAt } from "../features/statistic.ts";
import { loadLog } from "../load-log.ts";
import { prepareLog } from "../prepared/prepare-log.ts";
import { createPrompt } from "../prompt/prompt.ts";
import { withPromptDefaults } from "../prompt/of-data.ts";
import { promptSettingsSchema } from "../prompt/config.ts";
import { prepareSamples } from "../samples/sample-folder.ts";
import { readBatches } from "../samples/read-batches.ts";
import { recordAt } from "../record.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-context-"));
});

/** Rows of a published click log: label, numbers, categories as hexadecimal text, all of which may be missing. */
function clicks(rows: number): string {
  const cell = (row: number, column: number): number => (row * 31 + column * 17 + row * column) % 23;
  return Array.from({ length: rows }, (_, row) => {
    const numbers = Array.from({ length: 13 }, (_each, c) =>
      cell(row, c) % 5 === 0 ? "" : cell(row, c) - 1,
    );
    const categories = Array.from({ length: 26 }, (_each, c) =>
      c > 1 && cell(row, c + 13) % 4 === 0
        ? ""
        : cell(row, c + 13)
            .toString(16)
            .padStart(8, "0"),
    );
    return [row % 2, 1_400_000_000 + row, ...numbers, ...categories].join("\t");
  }).join("\n");
}

const criteo: DataConfigInput = {
  source: {
    ratings: {
      path: "clicks.tsv",
      delimiter: "\t",
      columns: {
        label: 0,
        time: 1,
        ...Object.fromEntries(
          Array.from({ length: 13 }, (_, c) => [`I${c + 1}`, { column: 2 + c, type: "number" as const }]),
        ),
        user: 15,
        item: 16,
        ...Object.fromEntries(Array.from({ length: 24 }, (_, c) => [`C${c + 3}`, 17 + c])),
      },
    },
  },
  label: { column: true },
};

describe("a click log of 13 numbers and 26 categories", () => {
  test("is read, kept and encoded, offline as online, from shards too", async () => {
    await writeFile(join(folder, "clicks.tsv"), clicks(120));
    const log = await loadLog(criteo, { baseFolder: folder });
    expect(log.context!.map(({ name }) => name)).toHaveLength(13 + 24);
    const features: FeatureConfig[] = [
      ...Array.from(
        { length: 13 },
        (_, c) => ({ name: `I${c + 1}`, type: "numeric", field: `I${c + 1}`, transform: "log" }) as const,
      ),
      { name: "C1", type: "categorical", field: "user" } as const,
      ...Array.from(
        { length: 24 },
        (_, c) => ({ name: `C${c + 3}`, type: "categorical", field: `C${c + 3}` }) as const,
      ),
      { name: "of_C3", type: "statistic", value: "mean", of: "label", by: ["item", "C3"] } as const,
    ];
    const rows = Uint32Array.from({ length: 120 }, (_, row) => row);
    const map = fitFeatureMap(features, log, rows.subarray(0, 80));
    expect(map.features.some(({ name }) => name === "I1_missing")).toBe(true);
    const { labels: _, ...offline } = encodeRows(map, log, rows);
    expect(encodeRecords(map, recordsAt(log, rows, map), catalogueFromLog(log))).toEqual(offline);
    // The cells of a row as they stand in the file.
    const cells = clicks(120).split("\n")[7]!.split("\t");
    const { context, user, item } = recordAt(log, 7);
    expect([user, item]).toEqual(cells.slice(15, 17));
    for (let c = 1; c <= 13; c++)
      expect(context![`I${c}`]).toBe(cells[1 + c] === "" ? undefined : Number(cells[1 + c]));
    for (let c = 3; c <= 26; c++) expect(context![`C${c}`] ?? "").toBe(cells[14 + c]);

    const cacheFolder = join(folder, "cache");
    await prepareLog(criteo, { cacheFolder, baseFolder: folder });
    const kept = await prepareLog(criteo, { cacheFolder, baseFolder: folder });
    expect(kept.reused).toBe(true);
    expect(kept.log).toEqual(log);
    const samples = await prepareSamples(map, kept.log, rows, { cacheFolder, shardSize: 50 });
    let at = 0;
    for await (const batch of readBatches(samples, { batchSize: 50 })) {
      expect(batch.features).toEqual(encodeRows(map, log, rows.subarray(at, at + batch.size)).features);
      at += batch.size;
    }
    expect(at).toBe(120);
  });

  test("has default features of them", async () => {
    await writeFile(join(folder, "clicks.tsv"), clicks(120));
    const log = await loadLog(criteo, { baseFolder: folder });
    const names = defaultFeatures(log).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["I1", "I13", "C4", "C25"]));
  });
});

const shown: DataConfigInput = {
  source: {
    ratings: {
      path: "shown.csv",
      header: true,
      columns: {
        user: "user",
        item: "item",
        rating: "rating",
        time: "time",
        device: "device",
        price: { column: "price", type: "number", missing: "NA" },
        tags: { column: "tags", type: "list" },
      },
    },
  },
  label: { threshold: 4 },
};

describe("columns of the interaction", () => {
  test("are text, numbers and lists; what is empty or says so is missing", async () => {
    await writeFile(
      join(folder, "shown.csv"),
      "user,item,rating,time,device,price,tags\na,x,5,300,tv,1.50,new|top\na,y,2,100,,NA,\nb,x,4,200,phone,1.5,top\n",
    );
    const log = await loadLog(shown, { baseFolder: folder });
    expect([0, 1, 2].map((row) => recordAt(log, row).context)).toEqual([
      {},
      { device: "phone", price: 1.5, tags: ["top"] },
      { device: "tv", price: 1.5, tags: ["new", "top"] },
    ]);
    // k-core takes rows away, and their context with them.
    const core = await loadLog({ ...shown, filter: { kCoreUsers: 2 } }, { baseFolder: folder });
    expect(core.context![0]!.values.filter((_, code) => core.context![0]!.codes.includes(code))).toEqual([
      undefined,
      "tv",
    ]);
  });

  test("are said in prompts, as part of what is said of the target", async () => {
    const log = await loadLog(shown, { baseFolder: folder });
    const settings = promptSettingsSchema.parse({
      template:
        "{{user_history}} on {{context.device}}{% if context.price %} for {{context.price}}{% endif %}: {{target_item}}?",
      target: "{{title}} ({{context.device}})",
    });
    const prompt = createPrompt(withPromptDefaults(settings, log));
    expect([...prompt.context]).toEqual(["device", "price"]);
    expect(prompt.render(recordAt(log, 2))).toBe('"y" (2/5) on tv for 1.5: x (tv)?');
    const { prefix, target, suffix } = prompt.segments(recordAt(log, 2));
    expect(prefix).toBe('"y" (2/5) on ');
    expect(prefix + target + suffix).toBe(prompt.render(recordAt(log, 2)));
    const misspelt = promptSettingsSchema.parse({ template: "{{context.divice}} {{target_item}}" });
    expect(() => withPromptDefaults(misspelt, log)).toThrow(
      expect.objectContaining({ code: "features/bad-field", remedy: 'Did you mean "device"?' }),
    );
  });

  test("whose cell is bad have no value there: its row stays, and is counted; unless bad rows are errors", async () => {
    await writeFile(
      join(folder, "cut.csv"),
      `user,item,rating,time,tags\na,x,5,1,"[""new"", ""top]"\na,y,2,2,new|top\nb,x,4,3,"[""new"", ""top]"\n`,
    );
    const columns = {
      user: "user",
      item: "item",
      rating: "rating",
      time: "time",
      tags: { column: "tags", type: "list" },
    } as const;
    const load = (onBadRow: "error" | "skip"): ReturnType<typeof loadLog> =>
      loadLog(
        {
          ...shown,
          source: { ratings: { path: "cut.csv", header: true, timeUnit: "steps", columns, onBadRow } },
        },
        { baseFolder: folder },
      );
    const log = await load("skip");
    expect([0, 1, 2].map((row) => recordAt(log, row).context)).toEqual([{}, { tags: ["new", "top"] }, {}]);
    expect(log.report.skipped).toMatchObject([
      { table: "ratings", count: 2, reason: expect.stringMatching(/^a cell of tags .*its row stays/) },
    ]);
    await expect(load("error")).rejects.toMatchObject({ code: "data/bad-row" });
  });

  test("may not be called like one another, and are looked for in the file", async () => {
    const load = (more: Record<string, string>): Promise<unknown> => {
      const { ratings } = shown.source;
      const columns = { ...ratings.columns, ...more };
      return loadLog({ ...shown, source: { ratings: { ...ratings, columns } } }, { baseFolder: folder });
    };
    await expect(load({ Device: "price" })).rejects.toMatchObject({ code: "config/invalid" });
    await expect(load({ hour: "hours" })).rejects.toMatchObject({ code: "data/unknown-column" });
  });
});

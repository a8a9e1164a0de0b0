import { createGenerator } from "@corella/random";
import {
  catalogueFromLog,
  createPrompt,
  historyLength,
  historyOf,
  loadLog,
  parseDataConfig,
  recordAt,
  splitLog,
  type PromptConfig,
} from "@corella/modality";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { PreparedData } from "../data.ts";
import { renderPrompts } from "./asking.ts";
import { denseWindows, renderWindow, requireDensePrompt } from "./dense-windows.ts";

const dense: Partial<PromptConfig> = {
  template: "{{user_history}}{{target_item}}:",
  historyItem: '\n{{title}}: {{"Yes" if liked else "No"}} {{rating}}',
  target: "\n{{title}}",
  separator: "",
  emptyHistory: "",
  historyLength: 6,
  historyHop: 3,
};

let data: PreparedData;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "corella-dense-"));
  const random = createGenerator(1, "log");
  // Some events of a user at one instant, which do not know each other.
  const lines = Array.from(
    { length: 300 },
    (_, row) =>
      `${random.integer(7)},${random.integer(30)},${1 + random.integer(5)},${1000 + Math.floor(row / 3)}`,
  );
  await writeFile(join(folder, "ratings.csv"), lines.join("\n"));
  const config = parseDataConfig({
    source: {
      ratings: { path: join(folder, "ratings.csv"), columns: { user: 0, item: 1, rating: 2, time: 3 } },
    },
    label: { threshold: 4 },
    history: { maxLength: 10, ties: "exclude" },
  });
  const log = await loadLog(config);
  data = { log, split: splitLog(log, config), catalogue: catalogueFromLog(log) } as unknown as PreparedData;
});

test("every row is in one window of its user's, which tells no more events than a prompt", () => {
  const windows = denseWindows(data.log, data.split.train, { historyLength: 7, historyHop: 3 });
  expect(windows.flatMap(({ rows }) => [...rows]).toSorted((a, b) => a - b)).toEqual([...data.split.train]);
  for (const { start, rows } of windows) {
    expect(new Set(Array.from(rows, (row) => data.log.user[row])).size).toBe(1);
    expect([...rows]).toEqual([...rows].toSorted((a, b) => a - b));
    expect(start % 3).toBe(0);
    for (const row of rows) {
      const told = historyLength(data.log, row) - start;
      expect(told).toBeLessThanOrEqual(7);
      expect(told).toBeGreaterThanOrEqual(start === 0 ? 0 : 1);
    }
  }
});

test("a window's prompts go on from one another, and tell nothing of their own time or later", () => {
  const { log } = data;
  const prompt = createPrompt(dense);
  for (const window of denseWindows(log, data.split.train, prompt.config)) {
    const texts = renderWindow(data, prompt, window);
    texts.forEach((text, i) => {
      const row = window.rows[i]!;
      const own = recordAt(log, row, historyLength(log, row) - window.start);
      const lines = text.slice(1).split("\n");
      expect(lines).toHaveLength(own.history.length + 1);
      expect(own.history.every(({ time }) => time! < log.time[row]!)).toBe(true);
      own.history.forEach(({ item, rating }, j) =>
        expect(lines[j]).toBe(`${item}: ${rating >= 4 ? "Yes" : "No"} ${rating}`),
      );
      const next = window.rows[i + 1];
      if (next !== undefined && log.time[next]! > log.time[row]! && historyLength(log, next) > 0) {
        // The row's own question is the beginning of a line of the later prompt, unless others shared its instant.
        const alone = historyLength(log, next) === historyLength(log, row) + 1;
        if (alone) expect(texts[i + 1]!.startsWith(text)).toBe(true);
      }
    });
  }
});

test("prompts of one hop begin alike, and a sample's window depends on how many events were before it alone", () => {
  const { log } = data;
  const prompt = createPrompt(dense);
  const starts = new Map<string, Set<string>>();
  for (const row of data.split.train) {
    const before = historyLength(log, row);
    const text = renderPrompts(data, prompt, [row])[0]!;
    const told = text.split("\n").length - 2;
    expect(told).toBe(before <= 6 ? before : before - 3 * Math.ceil((before - 6) / 3));
    if (before > 6) expect(told).toBeGreaterThan(3);
    // Whoever brings a shorter history with the number of events before it gets the same text.
    const record = recordAt(log, row, told);
    expect(prompt.render(record, data.catalogue)).toBe(text);
    if (told > 0) {
      const key = `${log.user[row]} ${before - told}`;
      starts.set(key, (starts.get(key) ?? new Set()).add(text.split("\n")[1]!));
    }
  }
  for (const first of starts.values()) expect(first.size).toBe(1);
});

test("statistics of each event's own moment keep the chain, and tell what was before the event alone", () => {
  const { log } = data;
  const question = "\n{{title}}, {{item.count}} times, mean {{item.mean}}";
  const historyItem = `${question}: {{"Yes" if liked else "No"}} {{rating}}`;
  const prompt = createPrompt({ ...dense, historyItem, target: question });
  requireDensePrompt(data, prompt);
  const said = (row: number): string => {
    const before = Array.from({ length: row }, (_, past) => past).filter(
      (past) => log.time[past]! < log.time[row]! && log.item[past] === log.item[row],
    );
    const sum = before.reduce((total, past) => total + log.rating[past]!, 0);
    const mean = before.length === 0 ? "" : Number(Math.fround(sum / before.length).toPrecision(7));
    return `${log.items.ids[log.item[row]!]}, ${before.length} times, mean ${mean}`;
  };
  let chained = 0;
  for (const window of denseWindows(log, data.split.train, prompt.config)) {
    const texts = renderWindow(data, prompt, window);
    for (const [i, text] of texts.entries()) {
      const row = window.rows[i]!;
      const past = historyOf(log, row, historyLength(log, row) - window.start);
      expect(text.slice(1).split("\n")).toEqual([
        ...Array.from(
          past,
          (event) => `${said(event)}: ${log.rating[event]! >= 4 ? "Yes" : "No"} ${log.rating[event]}`,
        ),
        `${said(row)}:`,
      ]);
      if (i > 0 && text.startsWith(texts[i - 1]!)) chained++;
    }
  }
  expect(chained).toBeGreaterThan(50);
});

test("a prompt that does not go on from the one before it is refused", () => {
  requireDensePrompt(data, createPrompt(dense));
  expect(() => requireDensePrompt(data, createPrompt({ historyLength: 6, historyHop: 3 }))).toThrow(
    "does not go on from the one before it",
  );
  expect(() => requireDensePrompt(data, createPrompt({ ...dense, target: "\n{{title}}?" }))).toThrow(
    expect.objectContaining({ code: "config/dense-prompt" }),
  );
});

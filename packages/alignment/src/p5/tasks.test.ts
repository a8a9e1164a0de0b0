import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { historyOf, withPromptDefaults } from "@corella/modality";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseRunConfig } from "../config/config.ts";
import { prepareData, type PreparedData } from "../data.ts";
import type { ResolvedConfig } from "../run.ts";
import { smallData, writeSmallData } from "../small-data.test-helper.ts";
import { drawTasks, type Task } from "./tasks.ts";

let folder = "";
let config: ResolvedConfig;
let data: PreparedData;
let tasks: Task[];
const of = (family: Task["family"]): Task[] => tasks.filter((task) => task.family === family);
const items = (text: string): string[] => text.match(/item_\d+/g) ?? [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-tasks-"));
  await writeSmallData(folder);
  // Of a random split, so that much of a history is no training event.
  const split = { kind: "randomByRow", shares: [0.5, 0.2, 0.3] };
  const parsed = parseRunConfig(
    {
      ...smallData,
      recipe: "p5",
      data: { ...smallData.data, split },
      stages: { p5: { samples: 900, candidates: 4 } },
    },
    "test.yaml",
  );
  data = await prepareData(parsed, folder, join(folder, "cache"));
  config = { ...parsed, prompt: withPromptDefaults(parsed.prompt, data.log) } as ResolvedConfig;
  tasks = drawTasks({ config, data });
});
afterAll(() => rm(folder, { recursive: true }));

test("families come by the mixture, and the same seed draws the same", () => {
  const { mixture } = config.stages.p5;
  const total = Object.values(mixture).reduce((sum, each) => sum + each, 0);
  for (const [family, part] of Object.entries(mixture)) {
    const share = of(family as Task["family"]).length / tasks.length;
    expect(Math.abs(share - part / total), family).toBeLessThan(0.05);
  }
  const told = (all: Task[]): string[] => all.map(({ text, answer }) => `${text} ${answer}`);
  const few = (seed: number): string[] => {
    const { stages } = config;
    const p5 = { ...stages.p5, samples: 50 };
    return told(drawTasks({ config: { ...config, seed, stages: { ...stages, p5 } }, data }));
  };
  expect(few(5)).toEqual(few(5));
  expect(few(9)).not.toEqual(few(5));
});

test("preference and rating ask about the target, and the answer is the label or the rating", () => {
  // The log's users like the items of their own parity.
  const told = of("preference").flatMap(({ text, answer }) => {
    const found = /user_(\d+) and item_(\d+) : like or dislike/.exec(text);
    return found === null ? [] : [[Number(found[1]) % 2 === Number(found[2]) % 2, answer] as const];
  });
  expect(told.length).toBeGreaterThan(100);
  for (const [likes, answer] of told) expect(answer).toBe(likes ? "like" : "dislike");
  expect(new Set(of("rating").map(({ answer }) => answer))).toEqual(new Set(["1", "2", "3", "4", "5"]));
});

test("recommending tells training events alone, those before the target", () => {
  const { log, split } = data;
  const trained = new Set(split.train);
  /** What sequential prompts may say: of each liked training row the user, the events told and the answer. */
  const allowed = new Set(
    Array.from(split.train)
      .filter((row) => log.label[row] === 1)
      .map((row) => {
        const before = [...historyOf(log, row)].filter((past) => trained.has(past));
        const told = before.map((past) => `item_${log.items.ids[log.item[past]!]!}`);
        return [...told, `item_${log.items.ids[log.item[row]!]!}`].join(" ");
      }),
  );
  expect(of("sequential").length).toBeGreaterThan(50);
  for (const { text, answer } of of("sequential"))
    expect(allowed.has([...items(text), answer].join(" ")), text).toBe(true);
  // Histories that tell more than the training part would differ.
  expect(
    Array.from(split.train).some((row) => [...historyOf(log, row)].some((past) => !trained.has(past))),
  ).toBe(true);
});

test("of several candidates one is the answer, and the user has none of the others in the training part", () => {
  const { log, split } = data;
  const own = new Set(
    Array.from(split.train, (row) => `${log.users.ids[log.user[row]!]} ${log.items.ids[log.item[row]!]}`),
  );
  const listed = of("direct").flatMap(({ text, answer }) => {
    const [, list, user] = /^Candidates (.*?) \. user_(\d+) :/.exec(text) ?? [];
    return list === undefined ? [] : [{ list: list.split(" , "), user, answer }];
  });
  expect(listed.length).toBeGreaterThan(15);
  for (const { list, user, answer } of listed) {
    expect(list).toContain(answer);
    expect(new Set(list).size).toBe(list.length);
    for (const item of list)
      if (item !== answer) expect(own.has(`${user} ${item.slice("item_".length)}`), item).toBe(false);
  }
  // The answer's place says nothing.
  expect(new Set(listed.map(({ list, answer }) => list.indexOf(answer))).size).toBe(4);
});

test("words tell what the prompt says of items behind their tokens, and about stands before the question", () => {
  const { stages } = config;
  const about = "{{user_id}} rated {{user.count}} before.";
  const told = drawTasks({
    config: { ...config, stages: { ...stages, p5: { ...stages.p5, samples: 100, words: true, about } } },
    data,
  });
  const preference = told.filter(({ family }) => family === "preference");
  for (const { text } of preference) {
    expect(text).toMatch(/^\d+ rated \d+ before\. /);
    for (const item of items(text)) expect(text).toMatch(new RegExp(`${item} "(Odd|Even) film`));
  }
  expect(told.find(({ family }) => family === "sequential")!.text).not.toContain("before.");
});

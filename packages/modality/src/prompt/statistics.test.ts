import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { catalogueFromLog } from "../catalogue.ts";
import { encodeRecords } from "../features/encode-records.ts";
import { fitFeatureMap } from "../features/fit.ts";
import { recordsAt, statisticsAt } from "../features/statistic.ts";
import { decimalRating, historyOf, type InteractionLog } from "../log.ts";
import { randomLog } from "../random-log.test-helper.ts";
import { recordAt, type RatingRecord } from "../record.ts";
import { emptyStatistics, statisticsAtEnd } from "../statistics/running-statistics.ts";
import { planOfBoth } from "./plan.ts";
import { createPrompt } from "./prompt.ts";

const all =
  "{{item.mean}} {{item.share}} {{item.count}} {{item.last}} {{item.sinceLast}} | {{user.mean}} {{user.share}} {{user.count}} {{user.last}} {{user.sinceLast}}";
const record: RatingRecord = { user: "u", item: "i", history: [], statistics: {} };
const say = (template: string, statistics: Record<string, number> = {}, more = {}): string =>
  createPrompt({ template }).render({ ...record, ...more, statistics });

/** What `all` says of a row, by looking at every row before it. */
function sayNaively(log: InteractionLog, row: number): string {
  const of = (codes: Int32Array): string => {
    const before = Array.from({ length: log.size }, (_, past) => past).filter((past) =>
      log.history.ties === "exclude" ? log.time[past]! < log.time[row]! : past < row,
    );
    const own = before.filter((past) => codes[past] === codes[row]);
    const mean = (column: Float32Array | Uint8Array): string => {
      const sum = own.reduce((total, past) => total + column[past]!, 0);
      return own.length === 0 ? "" : String(decimalRating(sum / own.length));
    };
    const last = own.at(-1);
    const pause = last === undefined ? "" : log.time[row]! - log.time[last]!;
    const rating = last === undefined ? "" : decimalRating(log.rating[last]!);
    return `${mean(log.rating)} ${mean(log.label)} ${own.length} ${rating} ${pause}`;
  };
  return `${of(log.item)} | ${of(log.user)}`;
}

describe("running statistics in prompts", () => {
  const prompt = createPrompt({ template: all });

  test("are what happened before each row, offline and online, event by event", () => {
    fc.assert(
      fc.property(randomLog(), (log) => {
        const online = emptyStatistics(prompt.statistics!, log.history.ties);
        const catalogue = catalogueFromLog(log);
        const rows = Array.from({ length: log.size }, (_, row) => row);
        for (const [row, offline] of recordsAt(log, rows, prompt).entries()) {
          const text = prompt.render(offline, catalogue);
          expect(text).toBe(sayNaively(log, row));
          const asked = recordAt(log, row);
          expect(prompt.render(asked, catalogue, online)).toBe(text);
          online.observe({
            ...asked,
            rating: log.rating[row]!,
            label: log.label[row]!,
            time: log.time[row]!,
          });
        }
      }),
    );
  });

  test("and those of features are counted as one, and read apart", () => {
    fc.assert(
      fc.property(randomLog(), (log) => {
        const rows = Array.from({ length: log.size }, (_, row) => row);
        const featureMap = fitFeatureMap(
          [
            { name: "item_mean", type: "statistic", value: "mean", by: "item" },
            { name: "user_count", type: "statistic", value: "count", by: "user" },
          ],
          log,
          rows,
        );
        const both = statisticsAtEnd(planOfBoth(featureMap, prompt.config)!, log);
        const asked = recordAt(log, log.size - 1);
        expect(encodeRecords(featureMap, [asked], undefined, both)).toEqual(
          encodeRecords(featureMap, [asked], undefined, statisticsAtEnd(featureMap.statistics!, log)),
        );
        const alone = statisticsAtEnd(prompt.statistics!, log);
        expect(prompt.render(asked, undefined, both)).toBe(prompt.render(asked, undefined, alone));
      }),
    );
  });

  test("are rounded by the template; nothing before can be asked for", () => {
    const template =
      "{% if item.count %}rated {{item.mean | round(1)}} of 5 by {{item.count}} users{% else %}new{% endif %}";
    expect(say(template, { "item.mean": 4.2345, "item.count": 310 })).toBe("rated 4.2 of 5 by 310 users");
    expect(say(template, { "item.mean": 4, "item.count": 1 })).toBe("rated 4.0 of 5 by 1 users");
    expect(say(template)).toBe("new");
    expect(say("{{user.mean | round}}/{{user.mean|round(2)}}", { "user.mean": 3.456 })).toBe("3.0/3.46");
    expect(say("({{item.mean | round(1)}})")).toBe("()");
    expect(say("{{100 * item.share | round(2)}} %", { "item.share": 0.5 })).toBe("50.0 %");
  });

  test("are rounded by the method and precision that the template says, in any order", () => {
    const rounded = (filter: string, mean: number): string =>
      say(`{{item.mean | ${filter}}}`, { "item.mean": mean });
    expect(rounded("round(1, 'ceil')", 4.21)).toBe("4.3");
    expect(rounded("round(1, 'floor')", 4.29)).toBe("4.2");
    expect(rounded("round(method='ceil')", 4.21)).toBe("5.0");
    expect(rounded("round(method='floor', precision=1)", 4.29)).toBe("4.2");
    expect(rounded("round(precision=2)", 4.2345)).toBe("4.23");
    expect(rounded("round(-2)", 1250)).toBe("1300.0");
    const refused = expect.objectContaining({ code: "prompt/bad-template" });
    expect(() => rounded("round(1, 'up')", 4.21)).toThrow(refused);
    expect(() => rounded("round(digits=1)", 4.21)).toThrow(refused);
  });

  test("count later events as positive by the label's threshold, whatever the prompt calls liked", () => {
    const settings = { template: "{{user.share}} liked: {{liked}}", likedThreshold: 5 };
    const asked = { user: "u", item: "i", history: [{ item: "a", rating: 4 }] };
    const online = (labelThreshold?: number): string => {
      const says = createPrompt({ ...settings, labelThreshold });
      return says.render(asked, undefined, emptyStatistics(says.statistics!, "exclude"));
    };
    expect(online(3)).toBe("1 liked: none");
    expect(online()).toBe("0 liked: none"); // of a bundle of before
  });

  test("stand in the target too, and are part of it", () => {
    const config = {
      template: "{{user_history}} {% if item.count %}{{item.count}}x {% endif %}{{target_item}}!",
      target: "{{title}}{% if item.mean %} ({{item.mean | round(1)}}){% endif %}",
    };
    const statistics = { "item.mean": 2.75, "item.count": 4 };
    const { prefix, target, suffix } = createPrompt(config).segments({ ...record, statistics });
    expect([prefix, target, suffix]).toEqual(["none ", "4x i (2.8)", "!"]);
    const set = "{% set n = item.count %}about {{n}} {{target_item}}";
    expect(createPrompt({ template: set }).segments({ ...record, statistics }).prefix).toBe("");
  });

  test("leave a template's own names and the user's attributes alone", () => {
    const history = [{ item: "a", rating: 4 }];
    const more = { history, userAttributes: { last: "Smith", age: 7 } };
    const template =
      "{% for item in history if item.rating %}{{item.rating}}{{item.mean}}{% endfor %} {{user.last}} {{user.items() | length}}";
    expect(say(template, { "item.mean": 9, "user.last": 1 }, more)).toBe("4 Smith 2");
    expect(createPrompt({ template: template.replace("{{user.last}}", "") }).statistics).toBeUndefined();
    expect(createPrompt().statistics).toBeUndefined();
    expect(createPrompt({ template: "{% set user = target %}{{user.count}}" }).statistics).toBeUndefined();
  });

  describe("of the events of a history, each as of its own moment,", () => {
    const saying = (end: string): string =>
      `\n{{title}} {{item.mean}} {{item.count}} n={{user.count}}; {{user.last}} {{user.sinceLast}}${end}`;
    const dense = createPrompt({
      template: `{{user_history}}${saying(":")}`.replace("{{title}}", "{{target.title}}"),
      historyItem: saying(": {{rating}}"),
      separator: "",
      emptyHistory: "",
      historyLength: 9,
    });
    const rowsOf = (log: InteractionLog): number[] => Array.from({ length: log.size }, (_, row) => row);

    test("are those that the event was asked with, offline and of a server that keeps them", () => {
      fc.assert(
        fc.property(randomLog(), (log) => {
          const catalogue = catalogueFromLog(log);
          const online = emptyStatistics(dense.statistics!, log.history.ties);
          const asked: string[] = [];
          const kept: Record<string, number>[] = [];
          for (const [row, offline] of recordsAt(log, rowsOf(log), dense).entries()) {
            const lines = dense.render(offline, catalogue).slice(1).split("\n");
            const past = [...historyOf(log, row)];
            asked[row] = lines.at(-1)!;
            expect(lines.slice(0, -1)).toEqual(
              past.map((event) => `${asked[event]} ${decimalRating(log.rating[event]!)}`),
            );
            const bare = recordAt(log, row);
            const history = bare.history.map((event, i) => ({ ...event, statistics: kept[past[i]!]! }));
            expect(dense.render({ ...bare, history }, catalogue, online)).toBe(`\n${lines.join("\n")}`);
            kept[row] = statisticsAt(log, [row], dense)!(0);
            online.observe(
              { ...bare, rating: log.rating[row]!, label: log.label[row]!, time: log.time[row]! },
              catalogue,
            );
          }
        }),
      );
    });

    test("of events that a server did not see, are those that it would have told at that moment", () => {
      fc.assert(
        fc.property(randomLog(), fc.constantFrom("u0", "eve", null), (log, user) => {
          const catalogue = catalogueFromLog(log);
          const counted = statisticsAtEnd(dense.statistics!, log);
          const end = log.time[log.size - 1]!;
          const told = ["i2", "i0", "i2"].map((item, i) => ({
            item,
            rating: 1 + i,
            time: end + 60 * (i + 1),
          }));
          const texts = told.map(({ item, time }, i) =>
            dense.render({ user, item, time, history: told.slice(0, i) }, catalogue, counted),
          );
          expect(texts[1]!.startsWith(texts[0]!)).toBe(true);
          expect(texts[2]!.startsWith(texts[1]!)).toBe(true);
          expect(
            texts[2]!
              .slice(1)
              .split("\n")
              .map((line) => /n=(\d+);/.exec(line)![1]),
          ).toEqual(
            [0, 1, 2].map((more) =>
              String(log.user.filter((of) => log.users.ids[of] === user).length + more),
            ),
          );
        }),
        { numRuns: 50 },
      );
    });

    test("of events that were counted, are not known and refused, but for those that are not told", () => {
      fc.assert(
        fc.property(randomLog(), (log) => {
          const catalogue = catalogueFromLog(log);
          const counted = statisticsAtEnd(dense.statistics!, log);
          const last = log.size - 1;
          const [user, item] = [log.users.ids[log.user[last]!]!, log.items.ids[log.item[last]!]!];
          const time = log.time[last]!;
          const seen = { item, rating: 3, time };
          const asked = { user, item: "i1", time: time + 60, history: [seen] };
          const refused = expect.objectContaining({ code: "features/no-event-statistics" });
          expect(() => dense.render(asked, catalogue, counted)).toThrow(refused);
          const untimed = { ...asked, history: [{ ...seen, time: undefined }] };
          expect(() => dense.render(untimed, catalogue, counted)).toThrow(refused);
          expect(() => dense.render({ ...asked, statistics: {} }, catalogue)).toThrow(refused);
          const known = { ...asked, history: [{ ...seen, statistics: { "item.count": 77 } }] };
          expect(dense.render(known, catalogue, counted)).toContain(" 77 ");
          const none = createPrompt({ ...dense.config, historyLength: 0 });
          expect(none.render(asked, catalogue, counted).lastIndexOf("\n")).toBe(0);
        }),
        { numRuns: 20 },
      );
    });

    test("mark no event as the target", () => {
      const history = [{ item: "a", rating: 4, statistics: { "item.count": 3 } }];
      const { prefix, target } = dense.segments({ ...record, history, statistics: { "item.count": 5 } });
      expect(prefix).toBe("\na  3 n=0;  : 4\n");
      expect(target).toContain("i  5");
    });
  });

  test("that do not exist are refused, and those that nobody counted", () => {
    expect(() => createPrompt({ template: "{{item.title}}" })).toThrow(
      expect.objectContaining({ code: "prompt/unknown-name", remedy: expect.stringContaining("item.mean") }),
    );
    const asked = { ...record, statistics: undefined };
    expect(() => createPrompt({ template: "{{user.count}}" }).render(asked)).toThrow(
      expect.objectContaining({ code: "features/no-statistics" }),
    );
    expect(createPrompt().render(asked)).toContain("rating history");
  });

  test("have names that no feature may take", () => {
    fc.assert(
      fc.property(randomLog(), (log) => {
        const feature = { name: "item.mean", type: "statistic", value: "mean", by: "item" } as const;
        expect(() => fitFeatureMap([feature], log, [0])).toThrow(
          expect.objectContaining({ code: "features/duplicate-name" }),
        );
      }),
      { numRuns: 1 },
    );
  });
});

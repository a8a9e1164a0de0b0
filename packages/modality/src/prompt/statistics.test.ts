import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { catalogueFromLog } from "../catalogue.ts";
import { encodeRecords } from "../features/encode-records.ts";
import { fitFeatureMap } from "../features/fit.ts";
import { recordsAt } from "../features/statistic.ts";
import { decimalRating, type InteractionLog } from "../log.ts";
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

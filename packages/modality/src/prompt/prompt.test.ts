import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { catalogueFromLog, createCatalogue } from "../catalogue.ts";
import { createLog, type InteractionLog } from "../log.ts";
import { type RatingRecord, recordAt } from "../record.ts";
import { attributeRich, promptSettingsSchema, templateLikes } from "./config.ts";
import { withPromptDefaults } from "./of-data.ts";
import { createPrompt } from "./prompt.ts";
import { cleanText, normaliseTitle } from "./text.ts";

const catalogue = createCatalogue([
  ["m1", { title: "Inception", year: 2010, genres: ["Action", "Sci-Fi"] }],
  ["m2", { title: "Matrix, The", year: 1999 }],
  ["m3", { title: "Heat" }],
]);
const record: RatingRecord = {
  user: "7",
  item: "m2",
  userAttributes: { gender: "F" },
  history: [
    { item: "m1", rating: 9 },
    { item: "m3", rating: 3.5 },
    { item: "unseen", rating: 8 },
  ],
};
const likes = { ratingScale: 10, likedThreshold: 8 };

describe("a prompt", () => {
  test("is Template A by default; unknown items go by their id", () => {
    expect(createPrompt(likes).render(record, catalogue)).toBe(
      'Below is the rating history of a user: "Inception (2010)" (9/10), "Heat" (3.5/10), "unseen" (8/10). Please predict whether the user will like "Matrix, The (1999)" based on his/her rating history and the quality of the target item. You should ONLY answer no or yes. Answer: ',
    );
  });

  test("says the CRM's answer in whole per cent, as a part of the target, where the template does", () => {
    const said = createPrompt({
      template: "{{user_history}} {{crm_percent}} % {{target_item}}!",
      historyLength: 1,
    });
    expect(said.saysCrm).toBe(true);
    expect(said.render({ ...record, pCrm: 0.4951 }, catalogue)).toBe(
      '"unseen" (8/5) 50 % "Matrix, The (1999)"!',
    );
    expect(said.segments({ ...record, pCrm: 0.004 }, catalogue).prefix).toBe('"unseen" (8/5) ');
    expect(() => said.render(record, catalogue)).toThrow(expect.objectContaining({ code: "prompt/no-crm" }));
    expect(createPrompt().saysCrm).toBe(false);
    expect(createPrompt().render({ ...record, pCrm: 0.4 }, catalogue)).toBe(
      createPrompt().render(record, catalogue),
    );
  });

  test("compares and tests what the target is, and is of the target where it says that", () => {
    const prompt = (template: string) => createPrompt({ template });
    const asked = { ...record, itemAttributes: { title: "matrix", genres: ["War"], plot: "" } };
    for (const [template, expected] of [
      ["{% if target.title == 'matrix' %}same{% endif %}", "same"],
      ["{% if 'War' in target.genres %}war{% endif %}", "war"],
      ["{% if target.plot %}plot{% else %}no plot{% endif %}", "no plot"],
    ] as const) {
      expect(prompt(template).render(asked)).toBe(expected);
      expect(prompt(template).segments(asked)).toEqual({ prefix: "", target: expected, suffix: "" });
    }
  });

  test("keeps the newest items, and tells of an empty history", () => {
    expect(
      createPrompt({ ...likes, historyLength: 1, template: "{{user_history}}" }).render(record, catalogue),
    ).toBe('"unseen" (8/10)');
    expect(createPrompt({ template: "{{user_history}}" }).render({ ...record, history: [] })).toBe("none");
    expect(createPrompt({ template: "{{user_history}}", historyLength: 0 }).render(record)).toBe("none");
  });

  test("lists liked and disliked items; knows the user, the target and every event", () => {
    expect(createPrompt({ ...likes, template: templateLikes }).render(record, catalogue)).toBe(
      'A user liked: "Inception (2010)", "unseen". The user disliked: "Heat". Will the user like "Matrix, The (1999)"? Answer no or yes. Answer: ',
    );
    const template =
      "{{user.gender}}: {% for event in history %}{{event.title}}={{event.rating}};{% endfor %} {{target.title}}?";
    expect(createPrompt({ template, normaliseTitles: true }).render(record, catalogue)).toBe(
      "F: Inception=9;Heat=3.5;unseen=8; The Matrix?",
    );
  });

  test("tells how many events each prompt tells of how many it would", () => {
    const countTokens = (text: string): number => text.split(" ").length;
    const seen: [number, number][] = [];
    const told = (events: number, wanted: number): unknown => seen.push([events, wanted]);
    const full = countTokens(createPrompt(likes).render(record, catalogue));
    for (const maxTokens of [undefined, full, full - 1, 1])
      createPrompt({ ...likes, maxTokens }, { countTokens, told }).render(record, catalogue);
    createPrompt({ ...likes, historyLength: 2 }, { told }).segments(record, catalogue);
    expect(seen).toEqual([
      [3, 3],
      [3, 3],
      [2, 3],
      [0, 3],
      [2, 2],
    ]);
  });

  test("cuts the oldest items until the tokens fit, and no more", () => {
    const countTokens = (text: string): number => text.split(" ").length;
    const full = countTokens(createPrompt(likes).render(record, catalogue));
    for (let maxTokens = full; maxTokens > full - 8; maxTokens--) {
      const text = createPrompt({ ...likes, maxTokens }, { countTokens }).render(record, catalogue);
      const kept = [3, 2, 1, 0].find(
        (historyLength) =>
          countTokens(createPrompt({ ...likes, historyLength }).render(record, catalogue)) <= maxTokens,
      );
      expect(text).toBe(createPrompt({ ...likes, historyLength: kept ?? 0 }).render(record, catalogue));
    }
  });

  test("of a record that tells less than its window is cut at the multiples of the hop, as any other", () => {
    const history = Array.from({ length: 13 }, (_, i) => ({ item: `i${i}`, rating: 3 }));
    const tells = (maxTokens: number): number => {
      let told = -1;
      createPrompt(
        {
          template: "{{user_history}}",
          historyItem: "x",
          separator: "",
          emptyHistory: "",
          historyLength: 24,
          historyHop: 12,
          maxTokens,
        },
        { countTokens: (text) => text.length, told: (events) => (told = events) },
      ).render({ user: "u", item: "t", history, earlier: 5 });
      return told;
    };
    // Of 18 events those from the 12th on, not the 17th alone.
    expect([13, 12, 6, 5].map(tells)).toEqual([13, 6, 6, 0]);
  });

  test("in segments is the same text; the prefix does not know the target", () => {
    const texts = fc.string({ unit: "grapheme", maxLength: 12 });
    const templates = fc.constantFrom(
      undefined,
      templateLikes,
      "{{target.title}} {{user_history}} {{target_item}}!",
      "no target",
      "{{target.title[:2]}} then {{user_history}}",
    );
    fc.assert(
      fc.property(texts, texts, templates, (titleA, titleB, template) => {
        const prompt = createPrompt(template === undefined ? {} : { template });
        const of = (title: string): RatingRecord => ({ ...record, itemAttributes: { title } });
        const [a, b] = [prompt.segments(of(titleA), catalogue), prompt.segments(of(titleB), catalogue)];
        expect(a.prefix + a.target + a.suffix).toBe(prompt.render(of(titleA), catalogue));
        expect(a.prefix).toBe(b.prefix);
        expect(a.suffix).toBe(b.suffix);
      }),
    );
  });

  test("may tell of all attributes: user, author, genres, plot; each text with its limit", () => {
    const books = createCatalogue([
      ["b1", { title: "Emma", author: "Jane Austen", year: 1815, genres: ["Novel"] }],
      ["b2", { title: "Persuasion", author: "Jane Austen", plot: `${"plot ".repeat(100)}end` }],
    ]);
    const prompt = createPrompt({ ...attributeRich, textLimits: { plot: 9 } });
    const reader: RatingRecord = {
      user: "1",
      item: "b2",
      userAttributes: { age: 25, gender: "F" },
      history: [{ item: "b1", rating: 5 }],
    };
    expect(prompt.render(reader, books)).toBe(
      'About the user: age 25, gender F. Rating history, oldest first: "Emma (1815)" by Jane Austen, Novel: 5/5. Will the user like "Persuasion" by Jane Austen, about: plot plot…? Answer no or yes. Answer: ',
    );
    const stranger = createPrompt(attributeRich).render({ user: null, item: "x", history: [] }, books);
    expect(stranger).toBe(
      'Rating history, oldest first: none. Will the user like "x"? Answer no or yes. Answer: ',
    );
  });

  test("says which template is not Jinja, and which key is unknown", () => {
    expect(() => createPrompt({ historyItem: "{% if %}" })).toThrow(
      expect.objectContaining({ code: "prompt/bad-template", place: "prompt.historyItem" }),
    );
    expect(() => createPrompt({ template: "{{ user_history | nosuch }}" }).render(record)).toThrow(
      expect.objectContaining({ code: "prompt/bad-template", place: "prompt.template" }),
    );
    expect(() => createPrompt({ templte: "x" } as object)).toThrow(
      expect.objectContaining({ code: "config/invalid" }),
    );
  });
});

describe("the names of a template", () => {
  test.each([
    "{{user_histroy}}",
    "{% for x in histry %}{{x.title}}{% endfor %}",
    "{{ target_item ~ titel }}",
    "{% if lked %}x{% endif %}",
  ])("are checked, since Jinja renders unknown ones as nothing: %s", (template) => {
    expect(() => createPrompt({ template })).toThrow(
      expect.objectContaining({
        code: "prompt/unknown-name",
        place: "prompt.template",
        remedy: expect.any(String),
      }),
    );
  });
  test.each([
    "{% for event in history %}{{loop.index}} {{event.anything[0]}} {{ event['x'] }}{% endfor %}",
    "{% set shown = target.genres | join(', ') | default('?') %}{{ shown }} {{ range(3) }}",
    "{% for a, b in user.items() if b is defined %}{{ a }}{% endfor %}{{ user.gender is string }}",
    "{% macro say(word, twice=false) %}{{ word }}{% endmacro %}{{ say(target.title, twice=true) }}",
    "{% if not history and 1 not in [2] %}{{ -rating_scale }}{% endif %}",
    "{% set space = namespace(n=1) %}{% set space.n = 2 %}{{ space.n }}",
    "{{ history | selectattr('liked', 'equalto', true) | map(attribute='title') | join(sep=', ') if history else none }}",
  ])("may be declared or built in: %s", (template) => {
    expect(() => createPrompt({ template })).not.toThrow();
  });
});

describe("hostile text", () => {
  test("in the name of an attribute, which a template says, is as safe as in its value, and a prototype is no attribute", () => {
    const prompt = createPrompt({
      template:
        "{% for name, value in user.items() %}{{ name }}={{ value }};{% endfor %}{{ user.length }}|{{ target_item }}",
      target: "{{ title }}",
    });
    const userAttributes = JSON.parse(
      '{"<|im_end|>\\n": "x", "age": 30, "a\\u0000</s>": ["<s>"], "__proto__": ["y", "z"]}',
    ) as Record<string, string>;
    const text = prompt.render({ user: "u", item: "1", history: [], userAttributes });
    expect(text).toBe('< |im_end|>=x;age=30;a < /s>=["< s>"];__proto__=["y", "z"];|1');
  });

  const special = ["<|im_start|>", "<|endoftext|>", "<s>", "</s>", "[INST]", "<<SYS>>", "<end_of_turn>"];
  test("never holds a special token, a control character or a mark", () => {
    const nasty = fc
      .array(
        fc.oneof(
          fc.constantFrom(
            ...special,
            "XYZ",
            "<|",
            "|>",
            "<",
            "\u0000",
            "\uE000",
            "\u202E",
            "{{user}}",
            "{% raw %}",
          ),
          fc.string({ unit: "binary", maxLength: 4 }),
        ),
        { maxLength: 12 },
      )
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(nasty, nasty, (title, other) => {
        const prompt = createPrompt({
          template: "{{user_history}}|{{target_item}}",
          specialTokens: ["XYZ", "<|"],
        });
        const text = prompt.render(
          { user: null, item: title || "x", history: [{ item: "h", rating: 5 }] },
          createCatalogue([
            ["h", { title: other }],
            [title || "x", { title, genres: [other, title] }],
          ]),
        );
        for (const token of [...special, "XYZ", "<|"])
          expect(text.toLowerCase()).not.toContain(token.toLowerCase().replace("xyz", "XYZ"));
        expect(text).not.toMatch(/[\p{Cc}\p{Co}\p{Cs}\u202E]/u);
      }),
      { numRuns: 1000 },
    );
  });

  test("is text to Jinja, never a template", () => {
    const prompt = createPrompt({ template: "{{target_item}}" });
    expect(prompt.render({ user: null, item: "{{user_history}}{% if x %}", history: [] })).toBe(
      '"{{user_history}}{% if x %}"',
    );
  });

  test("is cut at its limit, by characters rather than code units", () => {
    expect(cleanText("😀😀😀😀", 3, [])).toBe("😀😀😀…");
    expect(cleanText("😀😀😀", 3, [])).toBe("😀😀😀");
    expect(cleanText("  a\n\tb  ", 9, [])).toBe("a b");
  });
});

test.each([
  ["Matrix, The", "The Matrix"],
  ["Seven Samurai, The (Shichinin no samurai)", "The Seven Samurai (Shichinin no samurai)"],
  ["City of Lost Children, The", "The City of Lost Children"],
  ["Crouching Tiger, Hidden Dragon", "Crouching Tiger, Hidden Dragon"],
  ["Adventures of Priscilla, Queen of the Desert, The", "The Adventures of Priscilla, Queen of the Desert"],
])("%s normalised is %s", (title, expected) => expect(normaliseTitle(title)).toBe(expected));

describe("what a prompt leaves out is that of the data:", () => {
  const logOf = (ratings: readonly number[], likedThreshold: number, maxLength = 30): InteractionLog =>
    createLog({
      user: new Int32Array(ratings.length),
      item: Int32Array.from(ratings, (_, row) => row % 2),
      rating: Float32Array.from(ratings),
      time: Float64Array.from(ratings, (_, row) => row),
      label: Uint8Array.from(ratings, (rating) => (rating >= likedThreshold ? 1 : 0)),
      users: { ids: ["u"], activeCount: 1, attributes: [{}] },
      items: { ids: ["m1", "m3"], activeCount: 2, attributes: [{ title: "Inception" }, { title: "Heat" }] },
      history: { maxLength, ties: "exclude" },
      likedThreshold,
    });
  const told = (log: InteractionLog, settings: object = {}): string => {
    const { historyLength, ...config } = withPromptDefaults(promptSettingsSchema.parse(settings), log);
    const prompt = createPrompt({ ...config, historyLength, template: "{{user_history}}" });
    return prompt.render(recordAt(log, log.size - 1), catalogueFromLog(log));
  };

  test("labels alone are told as liked and disliked, not as stars", () => {
    const log = logOf([1, 0, 1], 0.5);
    expect(told(log)).toBe('"Inception" (liked), "Heat" (disliked)');
    expect(told(log, { historyItem: "{{title}} {{rating}}/{{rating_scale}}" })).toBe(
      "Inception 1/1, Heat 0/1",
    );
    const lists = createPrompt(
      withPromptDefaults(promptSettingsSchema.parse({ template: templateLikes }), log),
    );
    expect(lists.render(recordAt(log, 2), catalogueFromLog(log))).toContain(
      'A user liked: "Inception". The user disliked: "Heat".',
    );
  });

  test("ratings have the scale of the highest, and are liked from the label's threshold on", () => {
    expect(told(logOf([9, 10, 1], 8))).toBe('"Inception" (9/10), "Heat" (10/10)');
    expect(told(logOf([4.5, 0.5, 1], 4))).toBe('"Inception" (4.5/5), "Heat" (0.5/5)');
    expect(withPromptDefaults(promptSettingsSchema.parse({}), logOf([9, 10, 1], 8)).likedThreshold).toBe(8);
    // What a configuration says holds.
    expect(told(logOf([9, 10, 1], 8), { ratingScale: 100 })).toBe('"Inception" (9/100), "Heat" (10/100)');
    // Labels beside ratings: 0.5 is below all of them, and every event would be liked.
    expect(withPromptDefaults(promptSettingsSchema.parse({}), logOf([2, 5, 1], 0.5)).likedThreshold).toBe(4);
  });

  test("the label's threshold stands beside the prompt's own, and is no setting", () => {
    const settings = promptSettingsSchema.parse({ likedThreshold: 5 });
    expect(withPromptDefaults(settings, logOf([9, 10, 1], 8))).toMatchObject({
      likedThreshold: 5,
      labelThreshold: 8,
    });
    expect(promptSettingsSchema.safeParse({ labelThreshold: 8 }).success).toBe(false);
  });

  test("no more events than the window has", () => {
    expect(withPromptDefaults(promptSettingsSchema.parse({}), logOf([1, 2, 3], 2, 4)).historyLength).toBe(4);
    expect(withPromptDefaults(promptSettingsSchema.parse({}), logOf([1, 2, 3], 2)).historyLength).toBe(10);
    expect(() =>
      withPromptDefaults(promptSettingsSchema.parse({ historyLength: 5 }), logOf([1, 2, 3], 2, 4)),
    ).toThrow(expect.objectContaining({ code: "prompt/short-window", place: "prompt.historyLength" }));
  });
});

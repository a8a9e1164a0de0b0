import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CorellaError } from "@corella/errors";
import { Template } from "@huggingface/jinja";
import { z } from "zod";
import { readJson } from "../../files/json-file.ts";
import { fixedDate } from "./date.ts";

/** How a model was taught to read a conversation: Jinja of tokenizer_config.json or of GGUF's metadata. */
export interface ChatTemplate {
  readonly source: string;
  /** What the template knows as `bos_token` and `eos_token`. */
  readonly beginToken: string | undefined;
  readonly endToken: string | undefined;
  /** Others by the names that it knows: `pad_token`, `unk_token`, ... */
  readonly otherTokens?: Readonly<Record<string, string>> | undefined;
}

/** A user's turn as a template renders it, without the user's text, which stands between the two. */
export interface ChatTurn {
  readonly before: string;
  readonly after: string;
  /** The system's message in `before`, where there is one. */
  readonly system?: string | undefined;
  /** "" where the template writes the answer right behind the turn, without a space. */
  readonly lead?: "" | undefined;
}

const otherNames = ["pad_token", "unk_token", "sep_token", "cls_token", "mask_token"];

const special = z.union([z.string(), z.looseObject({ content: z.string() })]).nullish();
const tokenizerConfig = z.looseObject({
  bos_token: special,
  eos_token: special,
  chat_template: z
    .union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() }))])
    .nullish(),
});

/**
 * The chat template of a model folder: chat_template.jinja, or in tokenizer_config.json; of several that named "default".
 * @throws CorellaError `llm/chat-template`
 */
export async function readChatTemplate(folder: string): Promise<ChatTemplate | undefined> {
  const configPath = join(folder, "tokenizer_config.json");
  const parsed = tokenizerConfig.safeParse(existsSync(configPath) ? await readJson(configPath) : {});
  if (!parsed.success) throw templateError(parsed.error.issues[0]!.message, configPath);
  const { bos_token: begin, eos_token: end, chat_template: stored } = parsed.data;
  const file = join(folder, "chat_template.jinja");
  const source = existsSync(file)
    ? await readFile(file, "utf8")
    : typeof stored === "string"
      ? stored
      : stored?.find(({ name }) => name === "default")?.template;
  if (source === undefined) return undefined;
  const text = (token: z.infer<typeof special>): string | undefined =>
    typeof token === "string" ? token : token?.content;
  const others = otherNames.flatMap((name): [string, string][] => {
    const token = text(special.safeParse(parsed.data[name]).data);
    return token === undefined ? [] : [[name, token]];
  });
  return { source, beginToken: text(begin), endToken: text(end), otherTokens: Object.fromEntries(others) };
}

/**
 * Renders a user's turn and the beginning of the answer. Reasoning is off where a template knows `enable_thinking`, and
 * templates that tell the date (`date_string`, `strftime_now`) are told an old one: the same prompt is the same text on every
 * day.
 * @param system a message before the user's
 * @returns with an answer: the turn and the answer, as they stand in a conversation
 * @throws CorellaError `llm/chat-template`
 */
export function userTurnRenderer(
  template: ChatTemplate,
  system?: string | undefined,
): (prompt: string, answer?: string) => string {
  let compiled: Template;
  try {
    // Jinja ends every line with "\n", however its file does. The library's own strftime_now knows today only.
    compiled = new Template(
      template.source.replaceAll(/\r\n?/g, "\n").replaceAll(/\bstrftime_now\b/g, "fixed_date"),
    );
  } catch (cause) {
    throw templateError(cause instanceof Error ? cause.message : String(cause), "chat_template", cause);
  }
  return (prompt, answer) => {
    try {
      return compiled.render({
        messages: [
          ...(system === undefined ? [] : [{ role: "system", content: system }]),
          { role: "user", content: prompt },
          ...(answer === undefined ? [] : [{ role: "assistant", content: answer }]),
        ],
        add_generation_prompt: answer === undefined,
        enable_thinking: false,
        date_string: fixedDate("%d %b %Y"),
        fixed_date: fixedDate,
        tools: null,
        documents: null,
        ...template.otherTokens,
        bos_token: template.beginToken ?? "",
        eos_token: template.endToken ?? "",
      });
    } catch (cause) {
      throw templateError(cause instanceof Error ? cause.message : String(cause), "chat_template", cause);
    }
  };
}

function templateError(reason: string, place: string, cause?: unknown): CorellaError {
  return new CorellaError({
    code: "llm/chat-template",
    message: `The chat template cannot be used: ${reason.replace(/\.$/, "")}.`,
    place,
    remedy: "Use a model with a chat template for a single user's turn, or prompts without chat.",
    cause,
  });
}

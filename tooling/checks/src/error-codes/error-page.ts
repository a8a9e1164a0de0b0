import type { ErrorSite } from "./find-errors.ts";
import { notes } from "./error-notes.ts";

/** An error code, with all that is said of it. */
export interface CatalogueEntry {
  readonly code: string;
  readonly causes: readonly Cause[];
}

interface Cause {
  /** Empty where nothing is said. */
  readonly text: string;
  readonly remedy: string;
  /** Such as `` `readCrm` in `packages/bundle/src/crm-files.ts` ``. */
  readonly place: string;
}

/** The entries by code; notes say what the code itself does not. */
export function catalogue(sites: readonly ErrorSite[]): readonly CatalogueEntry[] {
  const byCode = groupedBy(sites, ({ code }) => code);
  return [...byCode]
    .map(([code, made]) => {
      const note = notes[code];
      const causes = made.map(({ messages, remedies, file, by }) => ({
        text: messages.length > 0 ? messages.join(" Or: ") : (note?.cause ?? ""),
        remedy: remedies.length > 0 ? remedies.join(" Or: ") : (note?.remedy ?? ""),
        place: by === undefined ? `\`${file}\`` : `\`${by}\` in \`${file}\``,
      }));
      const told = causes.filter(({ text }) => text !== "");
      const remedy = causes.find((cause) => cause.remedy !== "")?.remedy ?? "";
      // What is passed on is told where it was made.
      const kept = told.length > 0 ? told : causes.slice(0, 1);
      return { code, causes: kept.map((cause) => ({ ...cause, remedy: cause.remedy || remedy })) };
    })
    .toSorted((a, b) => Number(isOfTooling(a)) - Number(isOfTooling(b)) || (a.code < b.code ? -1 : 1));
}

/** Errors of the commands that only those meet who work on corella come last. */
function isOfTooling({ causes }: CatalogueEntry): boolean {
  return causes.every(({ place }) => place.includes("`tooling/"));
}

function groupedBy<Value>(
  values: readonly Value[],
  keyOf: (value: Value) => string,
): ReadonlyMap<string, Value[]> {
  const groups = new Map<string, Value[]>();
  for (const value of values) groups.set(keyOf(value), [...(groups.get(keyOf(value)) ?? []), value]);
  return groups;
}

/** The page of all error codes, in Markdown. */
export function errorPage(entries: readonly CatalogueEntry[]): string {
  const areas = groupedBy(entries, ({ code }) => code.slice(0, code.indexOf("/")));
  return [
    "# Errors",
    "",
    "Every mistake that corella tells has a code, in brackets: `error [bundle/none] …`, on a server as `code`. Search for it here. Each entry says what",
    "the error says, where `{…}` stands for what it names, what to do, and which function makes it. An error without a code is a defect of corella.",
    "",
    "Written from the sources by `pnpm check --write`; `pnpm check` compares.",
    ...[...areas].flatMap(([area, codes]) => ["", `## ${area}`, ...codes.flatMap(entryLines)]),
    "",
  ].join("\n");
}

function entryLines({ code, causes }: CatalogueEntry): string[] {
  const remedies = new Set(causes.map(({ remedy }) => remedy));
  const ofAll = remedies.size === 1 ? `\n**What to do:** ${inText(causes[0]!.remedy)}` : undefined;
  const lines = causes.map(
    ({ text, remedy, place }) =>
      `- ${inText(text)}${ofAll === undefined ? ` **What to do:** ${inText(remedy)}` : ""} (${place})`,
  );
  return ["", `### ${code}`, "", ...new Set(lines), ...(ofAll === undefined ? [] : [ofAll])];
}

/** A message within Markdown: what it has of HTML and of a template is text. */
function inText(message: string): string {
  return message
    .replaceAll(/\s*\n\s*/g, " ")
    .replaceAll(/https?:\/\/[^\s,;)]*[^\s,;).]/g, "`$&`")
    .split(/(`[^`]*`)/)
    .map((part, i) =>
      i % 2 === 1
        ? part
        : part
            .replaceAll("&", "&amp;")
            .replaceAll("<", "&lt;")
            .replaceAll(/[*_|[\]]/g, "\\$&"),
    )
    .join("");
}

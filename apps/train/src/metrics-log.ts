import { appendFile, readFile } from "node:fs/promises";
import { writeFileAtomic } from "@corella/files";

/** One line of metrics.jsonl. No times in it: two runs with the same configuration write the same bytes. */
export type MetricsLine =
  | {
      readonly phase: string;
      readonly step: number;
      readonly loss: number;
      /** What the loss is made of before weights, where that is more than one term. */
      readonly terms?: Readonly<Record<string, number>>;
    }
  | {
      readonly phase: string;
      readonly step: number;
      readonly validationAuc: number;
      readonly validationLogLoss: number;
    }
  | {
      readonly phase: "test";
      readonly model: string;
      readonly auc: number;
      readonly logLoss: number;
      readonly accuracy: number;
    }
  | {
      readonly phase: "importance";
      readonly feature: string;
      /** How much the CRM's validation AUC falls and its logloss rises without it: mean and deviation over the shuffles. */
      readonly aucFall: number;
      readonly aucDeviation: number;
      readonly logLossRise: number;
      readonly logLossDeviation: number;
    };

/** Lines are written together, this often. */
const flushEvery = 50;

/** The run's metrics.jsonl. */
export class MetricsLog {
  readonly #path: string;
  #pending: string[] = [];
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  add(line: MetricsLine): void {
    this.#pending.push(`${JSON.stringify(line)}\n`);
    // Where writing fails, the flush at the end tells.
    if (this.#pending.length >= flushEvery) this.flush().catch(() => {});
  }

  /** Forgets what a phase wrote after a step, what came after the phase and a line that was cut off: that will be written again. */
  rewind(phase: string, step: number): void {
    this.#writing = this.#writing.then(() => this.#dropAfter(phase, step));
  }

  async #dropAfter(phase: string, step: number): Promise<void> {
    const text = await readFile(this.#path, "utf8").catch(() => "");
    const lines = text.split("\n").filter((line) => line !== "");
    const first = lines.findIndex((line) => {
      const parsed = parseLine(line);
      return parsed === undefined || (parsed.phase === phase && (parsed.step ?? 0) > step);
    });
    if (first < 0) return;
    await writeFileAtomic(
      this.#path,
      lines
        .slice(0, first)
        .map((line) => `${line}\n`)
        .join(""),
    );
  }

  async flush(): Promise<void> {
    const text = this.#pending.join("");
    this.#pending = [];
    this.#writing = this.#writing.then(() => (text === "" ? undefined : appendFile(this.#path, text)));
    await this.#writing;
  }
}

/** Undefined for a line that a killed process did not write to its end. */
function parseLine(line: string): { readonly phase: string; readonly step?: number } | undefined {
  try {
    return JSON.parse(line) as { phase: string; step?: number };
  } catch {
    return undefined;
  }
}

import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";
import type { ProgressListener } from "@corella/engine";

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

type PhaseStart = Pick<
  Parameters<NonNullable<ProgressListener["phaseStarted"]>>[0],
  "name" | "step" | "validations"
>;

/** The run's metrics.jsonl. Each line is written at once, so that a killed process loses none. */
export class MetricsLog {
  readonly #path: string;
  #failure: unknown;

  constructor(path: string) {
    this.#path = path;
  }

  add(line: MetricsLine): void {
    // Training goes on where writing fails; `finish` tells.
    this.#attempt(() => appendFileSync(this.#path, `${JSON.stringify(line)}\n`));
  }

  /** Forgets what a phase wrote after a step, what came after the phase and a line that was cut off: that will be written again. */
  rewind(phase: string, step: number): void {
    this.#attempt(() => {
      if (!existsSync(this.#path)) return;
      let kept = 0;
      for (const line of readFileSync(this.#path, "utf8").split(/(?<=\n)/)) {
        const parsed = line.endsWith("\n") ? parseLine(line) : undefined;
        if (parsed === undefined || (parsed.phase === phase && (parsed.step ?? 0) > step)) break;
        kept += Buffer.byteLength(line);
      }
      // What stays is not written again, and so cannot be lost.
      truncateSync(this.#path, kept);
    });
  }

  /** Forgets what a phase that starts or goes on will write again. */
  phaseStarted({ name, step, validations }: PhaseStart): void {
    // A phase without a checkpoint is validated once more before its first step.
    this.rewind(name, step === 0 && validations.length === 0 ? -1 : step);
  }

  /** @throws what the first failed writing threw */
  finish(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #attempt(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#failure ??= error;
    }
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

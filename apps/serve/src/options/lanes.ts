import { Option } from "commander";
import { positiveNumber, wholeNumber } from "./number.ts";

/** How the two models are shared by many requests. */
export interface LaneSettings {
  /** Threads of each model; undefined: a share of the CPUs that the process may use. */
  readonly threads?: number | undefined;
  readonly llmShare?: number | undefined;
  readonly llmPerSecond?: number | undefined;
  readonly llmMsPerSecond?: number | undefined;
  readonly queueRows: number;
  readonly queueBytes: number;
  readonly batchWait: number;
  readonly batchRows?: number | undefined;
  /** Milliseconds for a whole request. */
  readonly deadline?: number | undefined;
}

/** The options of the command that make `LaneSettings`. */
export function laneOptions(): Option[] {
  return [
    new Option(
      "--threads <count>",
      "threads of each model; default: together as many as CPUs may be used, a container's quota included",
    ).argParser(wholeNumber("--threads")),
    new Option(
      "--deadline <ms>",
      "for a whole request: then a late LLM is answered for by the CRM, and a late CRM is 503; default: none",
    ).argParser(wholeNumber("--deadline")),
    new Option(
      "--llm-share <fraction>",
      "of all samples, at most, that the LLM answers; the hardest go first; default: as the router says",
    ).argParser(positiveNumber("--llm-share", 1)),
    new Option("--llm-per-second <count>", "samples a second, at most, that the LLM answers").argParser(
      positiveNumber("--llm-per-second"),
    ),
    new Option("--llm-ms-per-second <ms>", "milliseconds a second, at most, that the LLM computes").argParser(
      positiveNumber("--llm-ms-per-second"),
    ),
    new Option("--queue-rows <count>", "samples that wait for each model; more are refused at once")
      .argParser(wholeNumber("--queue-rows"))
      .default(4096),
    new Option("--queue-bytes <count>", "bytes of the samples that wait for each model, about")
      .argParser(wholeNumber("--queue-bytes"))
      .default(2 ** 26),
    new Option("--batch-wait <ms>", "an idle model waits so long for a batch to fill; 0: it begins at once")
      .argParser(wholeNumber("--batch-wait", 0))
      .default(0),
    new Option(
      "--batch-rows <count>",
      "samples of a batch of each model; default: 1024 for the CRM, 32 for the LLM",
    ).argParser(wholeNumber("--batch-rows")),
  ];
}

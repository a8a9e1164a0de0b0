import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Prediction } from "@corella/bundle";
import { startCommand } from "@corella/terminal/testing";

const running = new Set<ChildProcess>();

/** Ends all servers that a test has left. */
export function endAll(): void {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
}

/** The command in a process of its own. */
export interface Serving {
  readonly child: ChildProcess;
  /** All that was printed. */
  output(): string;
  /** Exit code or signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/** Starts the command with options. */
export function start(...options: string[]): Serving {
  const child = startCommand("serve", ...options);
  running.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const ended = once(child, "close").then(([code, signal]) => {
    running.delete(child);
    return (code ?? signal) as number | NodeJS.Signals;
  });
  return { child, output: () => output, ended };
}

/** The address, once the server says that it is ready. */
export async function ready({ output, ended }: Serving): Promise<string> {
  let over = false;
  void ended.then(() => {
    over = true;
    return over;
  });
  for (;;) {
    const url = /at (http:\S+) \(\d+ ms to load\)/.exec(output())?.[1];
    if (url !== undefined) return url;
    if (over) throw new Error(`The server ended:\n${output()}`);
    await sleep(20);
  }
}

/** Answers to a list of samples. */
export interface ServedAnswers {
  readonly predictions: readonly (Omit<Prediction, "degraded"> & { readonly degraded?: true })[];
  readonly latencyMs: number;
}

/** Posts JSON, and reads the answer of a success. */
export async function send<Answer>(url: string, body: object): Promise<Answer> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${text}`);
  return JSON.parse(text) as Answer;
}

/** Scores samples. */
export function score(url: string, body: object): Promise<ServedAnswers> {
  return send(`${url}/v1/score`, body);
}

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { follow } from "./follow.ts";
import { missingLine, stepsOf } from "./steps.ts";

const repository = join(import.meta.dirname, "../../../..");
const tutorial = (name: string): Promise<string> =>
  readFile(join(repository, "docs/tutorials", `${name}.md`), "utf8");

// The commands are the page's; what takes minutes is made small by settings behind them.
const small =
  ' --set runtime.threads=1 --set stages.warmUp.epochs=1 --set stages.warmUp.batchSize=1024 --set "stages.joint.samples=32" --set "stages.llmAlone.samples=32"';
const few = " --set testSamples=60 --set routing.validationSamples=60";
const scratch =
  "llm.base={hiddenSize: 16, layers: 2, heads: 2, keyValueHeads: 1, vocabularySize: 400, pretraining: {steps: 2}}";

test(
  "both tutorials, followed on a small language model, print what they say",
  { timeout: 600_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "corella-tutorial-"));
    const port = await freePort();
    const standIn = (command: string): string => {
      const [, name, rest = ""] = /^npx --yes pnpm@12 (\w+)(.*)$/.exec(command) ?? [];
      if (name === undefined) return command.replace("localhost:8080", `127.0.0.1:${port}`);
      const run = `node --conditions=source --import ${import.meta.resolve("tsx")} ${repository}/apps/${name}/src/main.ts${rest}`;
      if (name === "serve") return `${run} --port ${port}`;
      if (name !== "train") return run;
      if (rest.includes("log.yaml"))
        return `${run} --set stages.warmUp.epochs=1 --set stages.warmUp.batchSize=1024`;
      // A language model of one's own: the one that the step before has left, in Hugging Face's layout.
      return rest.includes("llm.yaml")
        ? `${run} --set llm.base.folder=../runs/own-text/bundle/llm${small}${few}`
        : `${run} --set "${scratch}"${small}${few}`;
    };
    const followed = await follow(await tutorial("your-own-log"), { folder, standIn });
    expect(followed.length).toBe(9);

    // Ten minutes shows the table and the answers of another log.
    const printed = followed.map((each) => each.printed).join("\n");
    const shown = stepsOf(await tutorial("ten-minutes")).flatMap((step) =>
      step.kind === "command" && !step.command.includes("explain") ? [step.expected!] : [],
    );
    expect(shown.map((expected) => missingLine(expected, printed))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    await rm(folder, { recursive: true });
  },
);

/** A port that nobody listens at. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}

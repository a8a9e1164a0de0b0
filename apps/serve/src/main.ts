import { loadPredictor, newestBundle, openBundle, type RemoteLlm } from "@corella/bundle";
import { runtimeKinds, type RuntimeKind } from "@corella/engine";
import { CorellaError, formatError } from "@corella/errors";
import { withRemedy } from "@corella/terminal";
import { Command, Option } from "commander";
import { createApp } from "./app.ts";
import { consoleFolder, openConsole } from "./console/console.ts";
import { createDeployment } from "./deployment/deployment.ts";
import { oneDeployment } from "./deployment/deployments.ts";
import { exampleCommand, exampleRequest } from "./deployment/example.ts";
import { describeBundle } from "./deployment/info.ts";
import { serveLanes } from "./deployment/lanes.ts";
import { modelInputs } from "./deployment/model-inputs.ts";
import { openEvents } from "./deployment/open-events.ts";
import { tellPromptCuts } from "./deployment/prompt-cuts.ts";
import { listen } from "./http/listen.ts";
import { laneOptions, type LaneSettings } from "./options/lanes.ts";
import { wholeNumber } from "./options/number.ts";
import { openSecurity, type SecurityFlags, withSecurityOptions } from "./options/security.ts";
import { keysCommand } from "./security/keys-command.ts";

interface Options extends LaneSettings, SecurityFlags {
  readonly bundle?: string;
  readonly runs: string;
  readonly port: number;
  readonly runtime: RuntimeKind;
  readonly executionProviders?: string;
  readonly llmTimeout: number;
  readonly prefixCache: number;
  readonly llmUrl?: string;
  readonly llmModel?: string;
  readonly llmKeyVariable?: string;
  readonly console: boolean;
  readonly verbose: boolean;
}

/** Wait for running requests after a signal to stop. */
const graceMs = 10_000;

const command = new Command("serve")
  .description(
    "Answers over HTTP with a bundle: the CRM scores everything, the LLM the hard samples. A bundle's only model scores everything.",
  )
  .option("--bundle <folder>", "bundle; default: the newest under --runs")
  .option("--runs <folder>", "where runs are kept", "runs")
  .option("--host <address>", "address to listen on; 0.0.0.0 for all networks", "127.0.0.1")
  .option("--port <number>", "port to listen on; 0 for any that is free", port, 8080)
  .addOption(
    new Option("--runtime <kind>", "what computes the models").choices(runtimeKinds).default("onnxruntime"),
  )
  .option("--execution-providers <names>", "of onnxruntime, in order: cuda,webgpu,cpu; default: cpu")
  .option(
    "--llm-timeout <ms>",
    "wait for the LLM, then the CRM answers; without a CRM the request fails",
    wholeNumber("--llm-timeout"),
    30_000,
  )
  .option(
    "--prefix-cache <megabytes>",
    "memory in which the LLM keeps what it computed of users' prompts, for their next ones; 0: none",
    wholeNumber("--prefix-cache", 0),
    256,
  )
  .option(
    "--llm-url <url>",
    "an OpenAI-compatible server that runs the bundle's LLM: http://localhost:8000/v1",
  )
  .option("--llm-model <name>", "name of the model, or of the bundle's adapter, on that server")
  .option("--llm-key-variable <name>", "environment variable that holds that server's API key")
  .option(
    "--store <place>",
    "where events are kept: a SQLite file, or redis://host:port/database; without it POST /v1/events is refused",
  )
  .option("--no-console", "without the page at /console")
  .option("--verbose", "also log the bodies of requests, which hold user ids", false)
  .enablePositionalOptions()
  .addCommand(keysCommand())
  .action(run);
for (const option of laneOptions()) command.addOption(option);
withSecurityOptions(command);

function port(value: string): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number <= 65_535) return number;
  throw new CorellaError({
    code: "serve/bad-option",
    message: `"${value}" is not a port.`,
    place: "--port",
    remedy: "Give a number from 1 to 65535, or 0 for any that is free.",
  });
}

async function run(options: Options): Promise<void> {
  const startedMs = performance.now();
  const security = await openSecurity(options, log);
  const folder = options.bundle ?? (await newestBundle(options.runs));
  const bundle = await openBundle(folder);
  const histories = await bundle.histories();
  const info = await describeBundle(bundle, histories);
  const example = exampleRequest(bundle, histories);
  const kept =
    options.store === undefined
      ? undefined
      : await openEvents(options.store, bundle, { histories, version: info.bundle.version, log });
  // Before the models are loaded: a port in use is known at once, and /health/live answers meanwhile.
  const server = await listen(options, (request) => app.fetch(request));
  const runtime = {
    kind: options.runtime,
    executionProviders: options.executionProviders?.split(","),
    // Between requests the cores belong to others.
    spinning: false,
  };
  const remote = remoteLlm(options);
  const lanes = serveLanes(bundle, options, { remoteLlm: remote !== undefined, log });
  const predictor = loadPredictor(bundle, {
    ...lanes.load,
    runtime,
    prefixCacheBytes: options.prefixCache * 1e6,
    workers: true,
    remoteLlm: remote,
  });
  const deployment = createDeployment({
    predictor,
    histories,
    catalogue: bundle.catalogue,
    events: kept,
    info,
    inputs: modelInputs(bundle),
    example,
    log,
    llmTimeoutMs: options.llmTimeout,
    timeoutMs: options.deadline,
  });
  const app = createApp(oneDeployment(deployment), {
    log,
    verbose: options.verbose,
    security,
    console: options.console ? openConsole(consoleFolder, log) : undefined,
  });

  let stop: (() => Promise<void>) | undefined;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      // Nothing is answered while the models are being loaded; and who signals twice means it.
      if (stop === undefined) process.exit(signal === "SIGINT" ? 130 : 143);
      log(`${signal}: finishing what runs, at most ${graceMs / 1000} s; again to stop at once`);
      void stop();
      stop = undefined;
    });
  }
  const cuts = await tellPromptCuts(bundle, histories);
  if (cuts !== undefined) log(cuts);
  const loaded = await predictor;
  stop = async () => {
    await server.close(graceMs);
    await loaded.dispose();
    await kept?.close();
    security.close();
  };
  log(`corella serves ${folder} at ${server.url} (${Math.round(performance.now() - startedMs)} ms to load)`);
  if (options.console) log(`a page to look at: ${server.url}/console`);
  log(exampleCommand(server.url, example));
}

/** @throws CorellaError `serve/bad-option` when only half is said */
function remoteLlm({ llmUrl, llmModel, llmKeyVariable }: Options): RemoteLlm | undefined {
  if (llmUrl === undefined && llmModel === undefined) return undefined;
  if (llmUrl !== undefined && llmModel !== undefined)
    // Who waits for an answer does not wait for many attempts.
    return { baseUrl: llmUrl, model: llmModel, apiKeyVariable: llmKeyVariable, retries: 1 };
  throw new CorellaError({
    code: "serve/bad-option",
    message: `${llmUrl === undefined ? "--llm-model" : "--llm-url"} stands alone.`,
    place: "--llm-url, --llm-model",
    remedy: "Give both for an LLM on a server, neither for the bundle's own.",
  });
}

function log(line: string): void {
  process.stdout.write(`${line}\n`);
}

const noBundle = "Make one with `pnpm train`, or name one with --bundle.";

try {
  await command.parseAsync();
} catch (error) {
  process.stderr.write(
    `${formatError(withRemedy(error, { "bundle/none": noBundle, "bundle/missing": noBundle }))}\n`,
  );
  // When one model cannot be loaded, the thread of the other would go on.
  // oxlint-disable-next-line unicorn/no-process-exit
  process.exit(1);
}

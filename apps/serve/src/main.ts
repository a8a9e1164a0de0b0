import type { RemoteLlm } from "@corella/bundle";
import { runtimeKinds, type RuntimeKind } from "@corella/engine";
import { CorellaError, formatError } from "@corella/errors";
import { openStore } from "@corella/store";
import { withRemedy } from "@corella/terminal";
import { Command, Option } from "commander";
import { createApp } from "./app.ts";
import { consoleFolder, openConsole } from "./console/console.ts";
import { bundleSources, openSources } from "./deployment/bundle-sources.ts";
import { createDeployments } from "./deployment/deployments.ts";
import { exampleCommand } from "./deployment/example.ts";
import type { OpenedDeployment } from "./deployment/open-deployment.ts";
import { createSplit, parseSplit, type Split } from "./deployment/split.ts";
import { listen } from "./http/listen.ts";
import { stopInOrder } from "./operations/drain.ts";
import { openOperations } from "./operations/open-operations.ts";
import { createReload } from "./operations/reload.ts";
import { laneOptions, type LaneSettings } from "./options/lanes.ts";
import { wholeNumber } from "./options/number.ts";
import { addOperationsOptions, type OperationsOptions } from "./options/operations.ts";
import { openSecurity, type SecurityFlags, withSecurityOptions } from "./options/security.ts";
import { keysCommand } from "./security/keys-command.ts";

interface Options extends OperationsOptions, LaneSettings, SecurityFlags {
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

const command = new Command("serve")
  .description(
    "Answers over HTTP with a bundle: the CRM scores everything, the LLM the hard samples. A bundle's only model scores everything.",
  )
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
addOperationsOptions(command);

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
  const operations = await openOperations(options);
  const { log, metrics, drain } = operations;
  const security = await openSecurity(options, log);
  const store = options.store === undefined ? undefined : await openStore(options.store);
  const sources = bundleSources(options.bundle, options.runs, {
    runtime: {
      kind: options.runtime,
      executionProviders: options.executionProviders?.split(","),
      // Between requests the cores belong to others.
      spinning: false,
    },
    prefixCacheBytes: options.prefixCache * 1e6,
    remoteLlm: remoteLlm(options, operations.tracing?.headers),
    llmTimeoutMs: options.llmTimeout,
    lanes: options,
    metrics,
    tracing: operations.tracing,
    store,
    log,
  });
  const opened = await openSources(sources);
  const deployments = createDeployments(opened, { ...operations, split: splitOf(options, opened) });
  metrics.watchBundles(() => deployments.all().map(({ info }) => info.bundle));
  const reload = createReload(deployments, sources, log);
  const app = createApp(deployments, {
    log,
    verbose: options.verbose,
    security,
    console: options.console ? openConsole(consoleFolder, log) : undefined,
    operations: { ...operations, reload: options.admin ? reload : undefined },
  });
  // Before the models are loaded: a port in use is known at once, and /health/live answers meanwhile.
  const server = await listen(options, app);

  let stop: (() => Promise<void>) | undefined;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      // Nothing is answered while the models are being loaded; and who signals twice means it.
      if (stop === undefined) process.exit(signal === "SIGINT" ? 130 : 143);
      const seconds = (options.drainDelay + options.drainTimeout) / 1000;
      log(`${signal}: finishing what runs, at most ${seconds} s; again to stop at once`);
      void stop();
      stop = undefined;
    });
  }
  // A terminal sends it when it is closed, and means the end.
  if (!process.stdout.isTTY) {
    process.on("SIGHUP", () => {
      if (stop === undefined) return log("SIGHUP: nothing is reloaded now");
      // What could not be loaded is in the log already.
      reload.now().catch((error: unknown) => {
        if (CorellaError.isInstance(error) && error.code === "serve/reload-running") log(formatError(error));
      });
    });
  }
  for (const { promptCuts } of opened) {
    const cuts = await promptCuts();
    if (cuts !== undefined) log(cuts);
  }
  await Promise.all(opened.map(({ loaded }) => loaded));
  stop = () =>
    stopInOrder({
      drain,
      delayMs: options.drainDelay,
      server,
      graceMs: options.drainTimeout,
      onFailed: (error) => log(`not closed: ${formatError(error)}`, { level: "error" }),
      afterwards: [
        () => reload.settled(),
        () => deployments.dispose(),
        async () => store?.close(),
        async () => security.close(),
        () => operations.close(),
      ],
    });
  const folders = opened.map(({ folder }) => folder).join(", ");
  log(
    `corella serves ${folders} at ${server.url} (${Math.round(performance.now() - startedMs)} ms to load)`,
    {
      url: server.url,
    },
  );
  if (options.console) log(`a page to look at: ${server.url}/console`);
  log(exampleCommand(server.url, deployments.of(undefined).example));
}

function splitOf({ split, splitSalt }: Options, opened: readonly OpenedDeployment[]): Split | undefined {
  if (split === undefined) return undefined;
  const bundles = opened.map(({ deployment }) => deployment.info.bundle);
  return createSplit(parseSplit(split, bundles), splitSalt);
}

/** @throws CorellaError `serve/bad-option` when only half is said */
function remoteLlm(
  { llmUrl, llmModel, llmKeyVariable }: Options,
  headers: RemoteLlm["headers"],
): RemoteLlm | undefined {
  if (llmUrl === undefined && llmModel === undefined) return undefined;
  if (llmUrl !== undefined && llmModel !== undefined)
    // Who waits for an answer does not wait for many attempts.
    return { baseUrl: llmUrl, model: llmModel, apiKeyVariable: llmKeyVariable, headers, retries: 1 };
  throw new CorellaError({
    code: "serve/bad-option",
    message: `${llmUrl === undefined ? "--llm-model" : "--llm-url"} stands alone.`,
    place: "--llm-url, --llm-model",
    remedy: "Give both for an LLM on a server, neither for the bundle's own.",
  });
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

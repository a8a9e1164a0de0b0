/** What is read of a workflow of GitHub Actions. */
export interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly defaults?: { readonly run?: { readonly shell?: string } };
  readonly jobs: Readonly<Record<string, WorkflowJob>>;
}

interface WorkflowJob {
  readonly "runs-on": string;
  readonly "timeout-minutes"?: number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly environment?: string;
  readonly steps: readonly WorkflowStep[];
}

interface WorkflowStep {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

/** Of the package manager itself: all other words behind it are scripts of the repository's package.json. */
const pnpmCommands: ReadonlySet<string> = new Set(["install", "exec"]);

/**
 * Rules that a linter of workflows does not know: pinned actions, least permissions, an end to each job, a shell that sees a failing pipe, no text of
 * strangers in a shell, and commands that there are.
 * @param text of the file, for the comments behind pins
 * @param scripts names in package.json
 * @returns a sentence for each broken rule
 */
export function workflowProblems(workflow: Workflow, text: string, scripts: readonly string[]): string[] {
  const problems: string[] = [];
  if ("pull_request_target" in workflow.on)
    problems.push("pull_request_target runs what strangers send with our rights");
  if (workflow.permissions === undefined)
    problems.push("no permissions at the top: every job gets the repository's defaults");
  if (isWriting(workflow.permissions))
    problems.push("permissions to write belong to the job that needs them");
  if (workflow.defaults?.run?.shell !== "bash")
    problems.push("the default shell sees no failure before a pipe: say `defaults.run.shell: bash`");
  for (const [, action, rest] of text.matchAll(/uses: ([^\s@]+)@?(.*)$/gm)) {
    if (!/^[\da-f]{40} # v\d+\.\d+\.\d+$/.test(rest!))
      problems.push(`${action} is not pinned by a commit with its version behind it`);
  }
  for (const [name, job] of Object.entries(workflow.jobs)) {
    if (job["timeout-minutes"] === undefined) problems.push(`${name} has no timeout-minutes`);
    if (job.permissions?.["id-token"] === "write" && job.environment === undefined)
      problems.push(`${name} may speak for the repository in no environment, so nobody is asked`);
    for (const { uses, run, with: inputs } of job.steps) {
      const keepsToken = inputs?.["persist-credentials"] !== false;
      if (uses?.startsWith("actions/checkout@") === true && keepsToken && !isWriting(job.permissions))
        problems.push(`${name} leaves its token in the checkout: say \`persist-credentials: false\``);
      if (run === undefined) continue;
      if (/\$\{\{\s*github\.(event|head_ref)/.test(run))
        problems.push(
          `${name} puts what somebody else wrote into a shell: give it as an environment variable`,
        );
      for (const [, command] of run.matchAll(/pnpm@12 ([\w:-]+)/g)) {
        if (!pnpmCommands.has(command!) && !scripts.includes(command!))
          problems.push(`${name} runs \`pnpm ${command}\`, which there is not`);
      }
    }
  }
  return problems;
}

function isWriting(permissions: Readonly<Record<string, string>> | undefined): boolean {
  return Object.values(permissions ?? {}).includes("write");
}

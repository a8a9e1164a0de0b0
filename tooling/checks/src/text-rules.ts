import type { SourceFacts } from "./source-scan.ts";
import type { Violation } from "./violation.ts";
import { isTest } from "./workspace.ts";

/** Reusable packages do not speak of commands in their messages: the apps, which have them, add that. */
export function checkMessages(file: string, { strings }: SourceFacts): readonly Violation[] {
  if (!file.startsWith("packages/") || isTest(file)) return [];
  return strings.flatMap(({ line, text }) => {
    const command = /\bpnpm |(?<!\S)--resume\b/.exec(text)?.[0];
    return command === undefined
      ? []
      : [
          {
            file,
            line,
            rule: "command",
            problem: `a message speaks of ${command.trim()}`,
            remedy: "say what is to be done; the app names its command",
          },
        ];
  });
}

/** What reusable packages say in hovers: each exported function something, and nothing that leans on another comment. */
export function checkComments(file: string, { comments }: SourceFacts): readonly Violation[] {
  if (!file.startsWith("packages/") || isTest(file)) return [];
  return comments.map(({ line, text }) => ({
    file,
    line,
    rule: "comment",
    problem: text,
    remedy: "say in a sentence that stands alone what it is for, with shapes and units",
  }));
}

const machinePath = /(?:^|[^\w.~$}-])(\/(?:work|home|tmp|root)\/[\w.@-]+)/;
const registryHost =
  /\bregistry\.(?:npmjs|yarnpkg|npmmirror)\b|\bfiles\.pythonhosted\b|\bregistry *= *http|https?:\/\/(?:registry|npm|pypi|nexus|artifactory)\./;

/** What no text file may hold: paths of one machine (tests may), addresses of package registries. */
export function checkText(file: string, text: string): readonly Violation[] {
  const violations: Violation[] = [];
  for (const [index, content] of text.split("\n").entries()) {
    const path = isTest(file) ? undefined : machinePath.exec(content)?.[1];
    if (path !== undefined) {
      violations.push({
        file,
        line: index + 1,
        rule: "machine-path",
        problem: `the path ${path} exists on one machine only`,
        remedy: "make it relative, an argument or os.tmpdir()",
      });
    }
    const host = registryHost.exec(content)?.[0];
    if (host !== undefined) {
      violations.push({
        file,
        line: index + 1,
        rule: "registry",
        problem: `the package registry "${host}" is named`,
        remedy: "leave the registry to each machine's npm settings",
      });
    }
  }
  return violations;
}

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryOf } from "../repository.ts";
import type { Tarballs } from "../packages/pack.ts";
import type { PlannedRelease } from "./plan.ts";

/** An in-toto statement (v1) with a SLSA provenance (v1): which files were made, of what, and how. */
export interface ProvenanceStatement {
  readonly _type: "https://in-toto.io/Statement/v1";
  /** Each tarball by its package URL, with the SHA-512 by which npm knows it, in hexadecimal. */
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha512: string } }[];
  readonly predicateType: "https://slsa.dev/provenance/v1";
  readonly predicate: {
    readonly buildDefinition: {
      readonly buildType: string;
      readonly externalParameters: { readonly repository: string; readonly command: string };
      readonly internalParameters: { readonly node: string; readonly platform: string };
      readonly resolvedDependencies: readonly {
        readonly uri: string;
        readonly digest: Readonly<Record<string, string>>;
      }[];
    };
    readonly runDetails: {
      readonly builder: { readonly id: string };
      readonly metadata: { readonly startedOn: string; readonly finishedOn: string };
    };
  };
}

/**
 * Says where tarballs come from in the form that npm publishes. Nobody has signed it, and it claims no more than that this machine made them: the
 * statement that counts is made and signed where the release is published.
 * Sources: in-toto Attestation Framework, Statement v1; SLSA v1.0, provenance.
 */
export function provenanceStatement(
  root: string,
  release: PlannedRelease,
  tarballs: Tarballs,
  startedOn: Date,
): ProvenanceStatement {
  const repository = repositoryOf(root);
  const page = repository.replace(/^git\+/, "").replace(/\.git$/, "");
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: release.packages.map(({ name, version }) => ({
      name: `pkg:npm/${name.replace("@", "%40")}@${version}`,
      digest: { sha512: digest("sha512", tarballs[name]!) },
    })),
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: `${page}/blob/main/docs/releases.md#a-dry-run`,
        externalParameters: { repository: page, command: "pnpm release --dry-run" },
        internalParameters: { node: process.version, platform: `${process.platform}-${process.arch}` },
        resolvedDependencies: [
          { uri: repository, digest: { gitCommit: release.commit } },
          {
            uri: `${page}/blob/${release.commit}/pnpm-lock.yaml`,
            digest: { sha256: digest("sha256", join(root, "pnpm-lock.yaml")) },
          },
        ],
      },
      runDetails: {
        builder: { id: `${page}/blob/main/docs/releases.md#unsigned-local-builder` },
        metadata: { startedOn: startedOn.toISOString(), finishedOn: new Date().toISOString() },
      },
    },
  };
}

function digest(algorithm: string, file: string): string {
  return createHash(algorithm).update(readFileSync(file)).digest("hex");
}

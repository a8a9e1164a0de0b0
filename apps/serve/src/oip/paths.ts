/** A path of the protocol with `:model` and `:version` in it, and what it was asked with. */
export interface PathTarget {
  readonly model: string;
  readonly version: string | undefined;
}

/**
 * Makes a matcher of paths. Names of models may hold `/`, which clients send as it is, so a model is all up to the last words of the path.
 * @param path `/v2/models/:model/versions/:version/infer` and the like
 */
export function pathMatcher(path: string): (asked: string) => PathTarget | undefined {
  const pattern = new RegExp(
    `^${path.replace(":model", "(?<model>.+)").replace(":version", "(?<version>[^/]+)")}$`,
  );
  return (asked) => {
    const match = pattern.exec(asked);
    if (match === null) return undefined;
    const { model = "", version } = match.groups ?? {};
    return { model: decoded(model), version: version === undefined ? undefined : decoded(version) };
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

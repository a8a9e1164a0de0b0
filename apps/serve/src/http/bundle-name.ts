/** `name/version` of a bundle, in the characters that a header may have. */
export function bundleName({ name, version }: { readonly name: string; readonly version: string }): string {
  return `${encodeURIComponent(name)}/${version}`;
}

import { openFolder } from "./folder.ts";
import type { Output } from "./output.ts";
import { openS3 } from "./s3.ts";

/**
 * Opens a folder, or `s3://bucket/prefix` of an S3-compatible store.
 * @param options.create make a folder that is not there
 * @throws CorellaError `batch/s3-settings`
 */
export async function openOutput(
  place: string,
  options: { readonly create?: boolean } = {},
): Promise<Output> {
  return place.startsWith("s3://") ? openS3(place, process.env) : openFolder(place, options.create === true);
}

import { AwsClient } from "aws4fetch";
import { CorellaError } from "@corella/errors";
import type { Output } from "./output.ts";

/** A request is sent so often while the store is unreachable, busy, or two writers collide. */
const attempts = 6;
const firstDelayMs = 200;

/**
 * Objects of an S3-compatible store under `s3://bucket/prefix`, with the settings that all tools know: `AWS_ACCESS_KEY_ID`,
 * `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION` (us-east-1), and `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` where it is
 * not AWS. An object appears whole; `If-None-Match: *` keeps the first one of a name.
 * @throws CorellaError `batch/s3-settings`
 */
export function openS3(place: string, settings: Readonly<Record<string, string | undefined>>): Output {
  const [, bucket, prefix] = /^s3:\/\/([^/]+)\/?(.*?)\/*$/.exec(place) ?? [];
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = settings;
  if (bucket === undefined || !accessKeyId || !secretAccessKey) throw noSettings(place, bucket !== undefined);
  const region = settings["AWS_REGION"] ?? settings["AWS_DEFAULT_REGION"] ?? "us-east-1";
  const endpoint =
    settings["AWS_ENDPOINT_URL_S3"] ?? settings["AWS_ENDPOINT_URL"] ?? `https://s3.${region}.amazonaws.com`;
  const client = new AwsClient({
    accessKeyId,
    secretAccessKey,
    sessionToken: settings["AWS_SESSION_TOKEN"],
    region,
    service: "s3",
    // Repeated here, where it is known what the status means.
    retries: 0,
  });
  const keyOf = (name: string): string => (prefix ? `${prefix}/${name}` : name);
  const placeOf = (name: string): string => `s3://${bucket}/${keyOf(name)}`;

  async function send(
    method: string,
    name: string,
    accepted: readonly number[],
    body?: Uint8Array,
  ): Promise<Response> {
    const path = keyOf(name).split("/").map(encodeURIComponent).join("/");
    const url = `${endpoint.replace(/\/$/, "")}/${bucket}/${path}`;
    let last: unknown;
    for (let made = 0; made < attempts; made++) {
      if (made > 0) await new Promise((resolve) => setTimeout(resolve, firstDelayMs * 2 ** (made - 1)));
      let response: Response;
      try {
        response = await client.fetch(url, {
          method,
          ...(body !== undefined && {
            body: body as Uint8Array<ArrayBuffer>,
            headers: { "if-none-match": "*", "content-type": "application/octet-stream" },
          }),
        });
      } catch (error) {
        last = error;
        continue;
      }
      if (accepted.includes(response.status)) return response;
      const answer = `${response.status} ${response.statusText} ${(await response.text()).slice(0, 300)}`;
      // 409: another conditional write to this name is under way.
      if (response.status < 500 && response.status !== 409 && response.status !== 429)
        throw refused(placeOf(name), answer);
      last = new Error(answer);
    }
    throw unreachable(placeOf(name), last);
  }

  return {
    async putNew(name, bytes) {
      const { status } = await send("PUT", name, [200, 201, 412], bytes);
      return status !== 412;
    },
    async get(name) {
      const response = await send("GET", name, [200, 404]);
      return response.status === 404 ? undefined : new Uint8Array(await response.arrayBuffer());
    },
    async has(name) {
      return (await send("HEAD", name, [200, 404])).status === 200;
    },
    placeOf,
  };
}

function noSettings(place: string, hasBucket: boolean): CorellaError {
  return new CorellaError({
    code: "batch/s3-settings",
    message: hasBucket ? "The store's credentials are not set." : "This names no bucket.",
    place,
    remedy: hasBucket
      ? "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_ENDPOINT_URL_S3 where it is not AWS."
      : "Write s3://bucket/prefix.",
  });
}

function refused(place: string, answer: string): CorellaError {
  return new CorellaError({
    code: "batch/s3-refused",
    message: `The store refuses: ${answer}`,
    place,
    remedy:
      "Mend the bucket's name, the region or the rights; writing needs conditional writes (If-None-Match).",
  });
}

function unreachable(place: string, cause: unknown): CorellaError {
  return new CorellaError({
    code: "batch/s3-unreachable",
    message: `The store does not answer: ${cause instanceof Error ? cause.message : String(cause)}`,
    place,
    remedy: "Try again; what is there is kept.",
    cause,
  });
}

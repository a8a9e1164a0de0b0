import { CorellaError } from "@corella/errors";
import type { RemoteServer } from "./server.ts";

/**
 * Has vLLM load an adapter that `saveAdapter` wrote; then `model: name` asks the base model with it. The server must allow
 * it (VLLM_ALLOW_RUNTIME_LORA_UPDATING, --enable-lora) and see the folder. An adapter of this name that is there already is
 * kept, unless `replace` is given.
 * @param adapter.folder as the server sees it
 * @throws CorellaError `llm/remote-…`
 */
export async function loadRemoteAdapter(
  server: RemoteServer,
  adapter: { readonly name: string; readonly folder: string; readonly replace?: boolean | undefined },
  signal?: AbortSignal,
): Promise<void> {
  if (adapter.replace === true) await unloadRemoteAdapter(server, adapter.name, signal);
  const body = { lora_name: adapter.name, lora_path: adapter.folder };
  await unless(/already (been )?loaded/i, server.post("/load_lora_adapter", body, String, signal));
}

/** Has vLLM forget an adapter; one that is not there is no error. @throws CorellaError `llm/remote-…` */
export async function unloadRemoteAdapter(
  server: RemoteServer,
  name: string,
  signal?: AbortSignal,
): Promise<void> {
  await unless(/not found/i, server.post("/unload_lora_adapter", { lora_name: name }, String, signal));
}

/** Takes a refusal for success where what was asked for is so already. */
async function unless(alreadySo: RegExp, call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (
      !CorellaError.isInstance(error) ||
      error.code !== "llm/remote-status" ||
      !alreadySo.test(error.message)
    )
      throw error;
  }
}

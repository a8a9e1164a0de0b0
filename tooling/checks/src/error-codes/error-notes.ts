/** What is to be known of an error's cause and remedy where the code that makes it does not say so in words of its own. */
export const notes: Readonly<Record<string, { readonly cause?: string; readonly remedy?: string }>> = {
  "bench/no-peer": { cause: "A peer of the bench, or what it needs, is not installed." },
  "bench/server": { remedy: "Run the command that the place shows by hand, and read what it prints." },
  "bench/wrk": { remedy: "Ask the address that the place shows by hand: the server may have ended." },
  "engine/no-loss": { remedy: "Give the program a loss, or call it without training." },
  "file/system": {
    remedy:
      "As the message says: create the folder, choose another path, free disk space, or change permissions or the limit of open files.",
  },
  "llm/remote-answer": {
    remedy: "Check that the address is that of a completions endpoint as vLLM and llama.cpp have it.",
  },
  "llm/remote-busy": {
    remedy: "Check that the server has room; a longer timeoutMs or a smaller concurrency may help.",
  },
  "llm/remote-status": { remedy: "Check the address, the model's name and the API key." },
  "llm/remote-timeout": {
    remedy: "Check that the server has room; a longer timeoutMs or a smaller concurrency may help.",
  },
  "llm/remote-unreachable": { remedy: "Check that the server runs at this address." },
  "oip/expired": { remedy: "Send a longer timeout, or fewer rows in a request." },
  "oip/method": { remedy: "Use the method that the header `allow` names." },
  "oip/model-control": {
    remedy: "Start the server with the repository it may change, or name the model among its bundles.",
  },
  "tune/defect": {
    cause: "A trial ended by a defect of corella, whose stack is the message.",
    remedy: "Report it, with the trial's settings; the other trials go on.",
  },
};

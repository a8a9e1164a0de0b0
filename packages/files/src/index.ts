// What programs that write to disk and run on several threads need: whole files, folders of one process, worker threads.
export { recoverFolder, writeFileAtomic, writeFolderAtomic, type FileContent } from "./atomic.ts";
export { claimFolder, isClaimed } from "./claim.ts";
export { hashFile } from "./hash-file.ts";
export { startWorker } from "./start-worker.ts";
export { makeTemporaryFolder } from "./temporary.ts";

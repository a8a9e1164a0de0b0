/** What a user can do where the system refuses a file. */
const remedies: Readonly<Record<string, string>> = {
  ENOENT: "Create the folder first.",
  ENOTDIR: "A part of the path is a file, not a folder: choose another path.",
  EISDIR: "The path is a folder: choose another path.",
  EEXIST: "A file of that name is in the way: choose another path.",
  ENOSPC: "Free some disk space.",
  EDQUOT: "Free some disk space.",
  EFBIG: "Raise the limit of file sizes (ulimit -f), or choose another disk.",
  EACCES: "Check the permissions of the folder.",
  EPERM: "Check the permissions of the folder.",
  EROFS: "The file system is read-only: choose another path.",
  EMFILE: "Raise the limit of open files (ulimit -n).",
};

/** The remedy for an error of node:fs by its `code`; a general one for other errors. */
export function systemRemedy(error: unknown): string {
  const { code = "", syscall } = (error instanceof Error ? error : {}) as Partial<NodeJS.ErrnoException>;
  // Of mkdir with `recursive` Node says ENOENT on a read-only disk, too.
  const known = code === "ENOENT" && syscall === "mkdir" ? undefined : remedies[code];
  return known ?? "Check the path, its permissions and the disk.";
}

/** An error of the system that names what it refused (ENOSPC, EACCES, ...), in the words of a CorellaError; else undefined. */
export function systemDetails(
  error: unknown,
): { code: string; message: string; place: string | undefined; remedy: string } | undefined {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return undefined;
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === undefined || !Object.hasOwn(remedies, code)) return undefined;
  return {
    code: "file/system",
    message: `The system refuses: ${error.message}.`,
    place: path,
    remedy: systemRemedy(error),
  };
}

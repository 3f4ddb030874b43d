import { type FileHandle, open, readlink } from "node:fs/promises";

/**
 * Open a file or directory for reading, if what the path leads to, links followed, lies inside the tree. Asking the kernel
 * where the open descriptor points leaves no gap between the check and the use. `undefined`: nothing there, or outside.
 */
export async function openInside(path: string, rootPath: string): Promise<FileHandle | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }

  const realPath = await readlink(`/proc/self/fd/${handle.fd}`);
  if (realPath === rootPath || realPath.startsWith(`${rootPath}/`)) return handle;
  await handle.close();
  return undefined;
}

export function isAbsence(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return (
    code === "ENOENT" ||
    code === "ENOTDIR" ||
    code === "ENAMETOOLONG" ||
    code === "ELOOP" ||
    code === "EACCES" ||
    code === "ENXIO"
  );
}

// Puts the file of a listening unix socket in place whole, and removes it only while it is ours.

import { randomInt } from 'node:crypto';
import { lstatSync, unlinkSync } from 'node:fs';
import { link, lstat, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MAX_UNIX_PATH } from '../core/address.ts';
import { systemCode } from '../core/errors.ts';

/** One file, whatever its name is by now. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

/** A file, and the name it was given. */
export type SocketFile = FileIdentity & { readonly path: string };

/**
 * A name to bind, next to `path`. libuv removes the name that it bound when it closes, even when
 * another process serves the socket by then: so it binds this one, and the name that clients use is
 * a link that it knows nothing of. Hidden, so that no glob of sockets means it; `ss` shows it as
 * the socket's name for as long as the socket lives.
 */
export function passingName(path: string): string {
  const letters = randomInt(36 ** 5)
    .toString(36)
    .padStart(5, '0');
  const telling = join(dirname(path), `.${basename(path)}.${letters}`);
  return Buffer.byteLength(telling) <= MAX_UNIX_PATH ? telling : join(dirname(path), `.${letters}`);
}

/**
 * Gives the socket at `passing` its name `path`, in one step and never over a file that is in use;
 * `passing` is gone afterwards.
 * @param abandoned whether no process listens on the socket that has the name already
 * @throws Error (a Node system error, EEXIST when the name is taken)
 */
export async function putInPlace(
  passing: string,
  path: string,
  abandoned: (path: string) => Promise<boolean>,
): Promise<FileIdentity> {
  try {
    try {
      await link(passing, path);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST' || !(await takeAway(path, abandoned))) throw error;
      await link(passing, path);
    }
    return identity(await lstat(passing));
  } finally {
    await unlink(passing);
  }
}

/** Removes what is at `path` if no process listens on it, and says whether the name is free. */
async function takeAway(path: string, abandoned: (path: string) => Promise<boolean>): Promise<boolean> {
  try {
    const found = await lstat(path);
    if (!found.isSocket() || !(await abandoned(path))) return false;
    // Two programs may find the same left-behind file. The second must not remove the socket of the
    // first: so the file is looked at again once it has a name that only this program uses, and
    // given back if it is another.
    const aside = passingName(path);
    await rename(path, aside);
    try {
      const moved = await lstat(aside);
      // No process holds the inode of an abandoned socket: its number may be that of a new file
      // already, but not with its time.
      const same = isSame(moved, found) && moved.mtimeMs === found.mtimeMs;
      if (!same) await link(aside, path);
      return same;
    } finally {
      await unlink(aside);
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return true;
    throw error;
  }
}

/**
 * Removes the socket file, unless its name belongs to another file by now. The socket must still be
 * open: it holds the inode, whose number no other file has until then. A failure here
 * is ignored: nothing could repair it.
 */
export function removeOwn(path: string, own: FileIdentity): void {
  try {
    if (isSame(lstatSync(path), own)) unlinkSync(path);
  } catch {
    // Gone already, or in a directory that must no longer be written to.
  }
}

function identity({ dev, ino }: FileIdentity): FileIdentity {
  return { dev, ino };
}

function isSame(one: FileIdentity, other: FileIdentity): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

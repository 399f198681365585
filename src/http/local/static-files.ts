// Answers with files of one directory, and with nothing else of the machine (RFC 9110 sections 13
// and 14 for what a client may ask of a file).

import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { StaticRoute } from '../../config/route.ts';
import { asError, ProxyError, systemCode } from '../../core/errors.ts';
import { unmount } from '../request/script.ts';
import { escapePath, escapeUnsafe, headerOf, type RequestFacts } from '../request/variables.ts';
import { plainPage } from '../response/error-page.ts';
import { byteRange } from './byte-range.ts';
import { contentType } from './content-types.ts';
import type { LocalAnswer } from './local-answer.ts';

/** The client asked for what is not there. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EINVAL']);
const ALLOWED: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/**
 * Invariants:
 * 1. A name that begins with a dot is not there: `.git`, `.htpasswd`, and `..` in whatever form it
 *    gets here.
 * 2. What is opened is, links followed, below the directory, links followed.
 * 3. Only regular files are read. Opening never waits, so a FIFO holds nobody up.
 */
export class StaticFiles {
  readonly #directory: string;
  readonly #index: string;
  readonly #prefix: string;

  constructor({ directory, index, stripPrefix }: Pick<StaticRoute, 'directory' | 'index' | 'stripPrefix'>) {
    this.#directory = directory;
    this.#index = index;
    this.#prefix = stripPrefix.replace(/\/+$/, '');
  }

  /** @throws ProxyError when a file that is there cannot be read */
  readonly answer = async (facts: RequestFacts): Promise<LocalAnswer> => {
    if (!ALLOWED.has(facts.method)) return { kind: 'whole', ...plainPage(405, ALLOWED) };
    const { path } = facts.target;
    const { rest } = unmount(path, this.#prefix);
    if (/(?:^|\/)\./.test(rest)) return notFound();
    const asked = Buffer.from(rest === '' ? '/' : rest, 'latin1').toString('utf8');
    const name = asked.endsWith('/') ? asked + this.#index : asked;
    let handle: FileHandle | undefined;
    try {
      handle = await this.#open(name);
      if (handle === undefined) return notFound();
      const stats = await handle.stat();
      if (stats.isDirectory()) return path.endsWith('/') ? notFound() : movedTo(`${escapePath(path)}/`, facts.target.query);
      if (!stats.isFile()) return notFound();
      const answer = fileAnswer(facts, handle, stats, name);
      if (answer.kind === 'file') handle = undefined;
      return answer;
    } catch (error) {
      const code = systemCode(error) ?? '';
      if (ABSENT.has(code)) return notFound();
      if (code === 'EACCES' || code === 'EPERM') return { kind: 'whole', ...plainPage(403) };
      throw new ProxyError('FCGI_LB_FILE_FAILED', `${join(this.#directory, name)}: ${asError(error).message}`, { cause: error });
    } finally {
      await handle?.close();
    }
  };

  /** Undefined when the name leads out of the directory. */
  async #open(name: string): Promise<FileHandle | undefined> {
    // Anew each time: a directory may be a link that is switched to the next release.
    const root = await realpath(this.#directory);
    const real = await realpath(join(root, name));
    if (real !== root && !real.startsWith(root.endsWith(sep) ? root : root + sep)) return undefined;
    return open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  }
}

/** What a client gets of a file: all, a part, or word that it has it already. */
function fileAnswer(facts: RequestFacts, handle: FileHandle, stats: Stats, name: string): LocalAnswer {
  const { size } = stats;
  const modified = Math.floor(stats.mtimeMs / 1000) * 1000;
  const tag = `"${Math.floor(stats.mtimeMs).toString(16)}-${size.toString(16)}"`;
  const lastModified = stats.mtime.toUTCString();
  const validators = ['ETag', tag, 'Last-Modified', lastModified];
  if (isFresh(facts, tag, modified)) return { kind: 'whole', status: 304, headers: validators, body: Buffer.alloc(0) };
  const headers = ['Content-Type', contentType(name), ...validators, 'Accept-Ranges', 'bytes'];
  const condition = headerOf(facts, 'HTTP_IF_RANGE');
  const mayBePart = facts.method === 'GET' && (condition === '' || condition === tag || condition === lastModified);
  const range = mayBePart ? byteRange(headerOf(facts, 'HTTP_RANGE'), size) : 'all';
  if (range === 'none') {
    const page = plainPage(416);
    return { kind: 'whole', ...page, headers: [...page.headers, 'Content-Range', `bytes */${size}`] };
  }
  if (range === 'all') return { kind: 'file', status: 200, headers, file: { handle, start: 0, length: size } };
  const { start, end } = range;
  const part = ['Content-Range', `bytes ${start}-${end}/${size}`];
  return { kind: 'file', status: 206, headers: [...headers, ...part], file: { handle, start, length: end - start + 1 } };
}

/**
 * Whether the client's copy is still good (RFC 9110 13.1.2, 13.1.3: an entity tag says more than a
 * date).
 */
function isFresh(facts: RequestFacts, tag: string, modified: number): boolean {
  const tags = headerOf(facts, 'HTTP_IF_NONE_MATCH');
  if (tags !== '') return tags.trim() === '*' || tags.split(',').some((one) => one.trim().replace(/^W\//, '') === tag);
  const since = Date.parse(headerOf(facts, 'HTTP_IF_MODIFIED_SINCE'));
  return modified <= since;
}

function notFound(): LocalAnswer {
  return { kind: 'whole', ...plainPage(404) };
}

/** A directory without its slash: links in its index would lead elsewhere. */
function movedTo(path: string, query: string): LocalAnswer {
  const page = plainPage(301);
  const location = query === '' ? path : `${path}?${escapeUnsafe(query)}`;
  return { kind: 'whole', ...page, headers: ['Location', location, ...page.headers] };
}

// Takes a path apart into the script that serves it and the rest (RFC 3875 sections 4.1.5 and
// 4.1.13).

import { ProxyError } from '../../core/errors.ts';
import { MAX_REGEX_PATH } from './router.ts';

/**
 * How paths become scripts. `application`: one program mounted at `/`, which is what Request
 * Tracker, PSGI and WSGI want; SCRIPT_NAME is empty and PATH_INFO the path. `php`: scripts are
 * files below `root`.
 */
export type ScriptMode =
  | { readonly kind: 'application'; readonly root: string | undefined }
  | {
      readonly kind: 'php';
      readonly root: string;
      readonly index: string;
      /**
       * Its two groups are the script and the rest; undefined: at the first `.php` that ends a
       * segment.
       */
      readonly splitPath?: RegExp | undefined;
    };

export interface ScriptPath {
  readonly script: string;
  readonly pathInfo: string;
}

/**
 * Where a route's application is: what is taken off the front of the path, and what the rest means.
 */
export interface ScriptRules {
  readonly mode: ScriptMode;
  /** Without a slash at its end; empty for nothing. */
  readonly prefix: string;
}

export interface MountedPath {
  /** What was taken off; empty when the path does not begin with the prefix. */
  readonly prefix: string;
  readonly rest: string;
}

/** Takes the prefix off where a segment ends with it: `/app` is no part of `/apple`. */
export function unmount(path: string, prefix: string): MountedPath {
  if (prefix === '' || !path.startsWith(prefix)) return { prefix: '', rest: path };
  if (path.length > prefix.length && path[prefix.length] !== '/') return { prefix: '', rest: path };
  return { prefix, rest: path.slice(prefix.length) };
}

/**
 * @param path without the prefix
 * @throws ProxyError (414) for a path that is too long for a regex
 */
export function splitScript(path: string, mode: ScriptMode): ScriptPath {
  if (mode.kind === 'application') return { script: path, pathInfo: '' };
  const { index, splitPath } = mode;
  const whole = path === '' ? '/' : path;
  if (splitPath === undefined) return splitPhp(whole, index);
  if (whole.length > MAX_REGEX_PATH) {
    throw new ProxyError('FCGI_LB_REQUEST_PATH_TOO_LONG', `a path of ${whole.length} bytes, and a route with split_path`);
  }
  const match = splitPath.exec(whole);
  const script = match?.[1] ?? whole;
  return { script: script.endsWith('/') ? script + index : script, pathInfo: match?.[2] ?? '' };
}

/**
 * Splits a path at the first `.php` that ends a segment, as nginx's usual `^(.+?\.php)(/.*)$` does.
 * Bytes are compared, on the very string that is used afterwards: no case folding, no other form of
 * it (CVE-2026-27590). A directory gets its index; a path without a script goes to the index at the
 * root, the front controller.
 */
export function splitPhp(path: string, index: string): ScriptPath {
  const EXTENSION = '.php';
  for (let at = path.indexOf(EXTENSION); at !== -1; at = path.indexOf(EXTENSION, at + 1)) {
    const end = at + EXTENSION.length;
    const named = at > 0 && path[at - 1] !== '/';
    if (named && (end === path.length || path[end] === '/')) return { script: path.slice(0, end), pathInfo: path.slice(end) };
  }
  return { script: path.endsWith('/') ? path + index : `/${index}`, pathInfo: '' };
}

// What kind of thing a file is, by the end of its name.

import { readFileSync, statSync } from 'node:fs';
import { extname } from 'node:path';
import { MAX_PAGE } from '../config/route.ts';
import { ConfigError } from '../core/address.ts';
import { asError } from '../core/errors.ts';
import type { Page } from './answer-rules.ts';

const TYPES: ReadonlyMap<string, string> = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.htm', 'text/html; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.mjs', 'text/javascript; charset=utf-8'],
  ['.json', 'application/json'],
  ['.map', 'application/json'],
  ['.txt', 'text/plain; charset=utf-8'],
  ['.xml', 'text/xml; charset=utf-8'],
  ['.svg', 'image/svg+xml'],
  ['.png', 'image/png'],
  ['.jpg', 'image/jpeg'],
  ['.jpeg', 'image/jpeg'],
  ['.gif', 'image/gif'],
  ['.webp', 'image/webp'],
  ['.ico', 'image/vnd.microsoft.icon'],
  ['.woff', 'font/woff'],
  ['.woff2', 'font/woff2'],
  ['.pdf', 'application/pdf'],
  ['.wasm', 'application/wasm'],
  ['.mp4', 'video/mp4'],
]);

/** The Content-Type of a file. */
export function contentType(path: string): string {
  return TYPES.get(extname(path).toLowerCase()) ?? 'application/octet-stream';
}

/** Reads the file of an error page. @throws ConfigError */
export function readPage(path: string): Page {
  try {
    const { size } = statSync(path);
    if (size > MAX_PAGE) throw new Error(`it has ${size} bytes; pages may have ${MAX_PAGE}`);
    return { type: contentType(path), body: readFileSync(path) };
  } catch (error) {
    throw new ConfigError(`error page '${path}' cannot be read: ${asError(error).message}`);
  }
}

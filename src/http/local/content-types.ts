// What kind of thing a file is, by the end of its name.

import { readFileSync, statSync } from 'node:fs';
import { extname } from 'node:path';
import { lookup } from 'mime-types';
import { MAX_PAGE } from '../../config/route.ts';
import { asError, ConfigError } from '../../core/errors.ts';
import type { Page } from '../response/answer-rules.ts';

/** As it always was here, and as nginx has it; the registry prefers `application/xml`. */
const XML = 'text/xml';

/**
 * The Content-Type of a file. Text is taken for UTF-8; JSON is so by definition and needs no
 * charset (RFC 8259 section 8.1).
 */
export function contentType(path: string): string {
  const ending = extname(path).toLowerCase();
  const type = ending === '.xml' ? XML : lookup(ending) || 'application/octet-stream';
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type;
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

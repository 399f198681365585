// The Content-Type of a file: what was served before stays byte for byte, and the types that sites
// commonly have are known.

import { describe, expect, it } from 'vitest';
import { contentType } from '../../../src/http/local/content-types.ts';

/** What version 0.1.0 served. Clients and caches have these; a library must not change them. */
const UNCHANGED = {
  html: 'text/html; charset=utf-8',
  htm: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  json: 'application/json',
  map: 'application/json',
  txt: 'text/plain; charset=utf-8',
  xml: 'text/xml; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  ico: 'image/vnd.microsoft.icon',
  woff: 'font/woff',
  woff2: 'font/woff2',
  pdf: 'application/pdf',
  wasm: 'application/wasm',
  mp4: 'video/mp4',
} as const;

const KNOWN = {
  ttf: 'font/ttf',
  otf: 'font/otf',
  avif: 'image/avif',
  webm: 'video/webm',
  zip: 'application/zip',
  csv: 'text/csv; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
  mp3: 'audio/mpeg',
  vtt: 'text/vtt; charset=utf-8',
  webmanifest: 'application/manifest+json',
  xhtml: 'application/xhtml+xml',
} as const;

describe('the type of a file', () => {
  it.each(Object.entries(UNCHANGED))('.%s is %s, as in 0.1.0', (ending, type) => {
    expect(contentType(`/srv/www/a.${ending}`)).toBe(type);
    expect(contentType(`/srv/www/A.${ending.toUpperCase()}`)).toBe(type);
  });

  it.each(Object.entries(KNOWN))('.%s is %s', (ending, type) => {
    expect(contentType(`a.${ending}`)).toBe(type);
  });

  it.each(['README', '/srv/html', '.html', 'a.', 'a.unheard-of', 'a.html.bak', 'a.constructor', 'a.__proto__'])(
    'of %s is not guessed',
    (path) => {
      expect(contentType(path)).toBe('application/octet-stream');
    },
  );
});

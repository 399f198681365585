// Writes what is made of tables: of the schema of the configuration file config/schema.json and the
// reference in docs/configuration.md, of the options the man page.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { editorSchema, withReference } from './config-reference.ts';
import { manPage } from './man-page.ts';

const ROOT = new URL('../', import.meta.url);
const DOCUMENT = new URL('docs/configuration.md', ROOT);

writeFileSync(new URL('config/schema.json', ROOT), editorSchema());
writeFileSync(DOCUMENT, withReference(readFileSync(DOCUMENT, 'utf8')));
const { version } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as { version: string };
mkdirSync(new URL('man/', ROOT), { recursive: true });
writeFileSync(new URL('man/fcgi-lb.1', ROOT), manPage(version));

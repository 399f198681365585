// Writes what is made of the schema of the configuration file: config/schema.json, and the reference in docs/configuration.md.

import { readFileSync, writeFileSync } from 'node:fs';
import { editorSchema, withReference } from './config-reference.ts';

const ROOT = new URL('../', import.meta.url);
const DOCUMENT = new URL('docs/configuration.md', ROOT);

writeFileSync(new URL('config/schema.json', ROOT), editorSchema());
writeFileSync(DOCUMENT, withReference(readFileSync(DOCUMENT, 'utf8')));

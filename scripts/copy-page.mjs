// Part of `npm run build`: puts the live page's files, which a browser takes as they are, beside
// the compiled program. Only what differs is written, each file in one step, so that whoever reads
// dist/ meanwhile meets whole files.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const from = fileURLToPath(new URL('../src/admin/page/', import.meta.url));
const to = fileURLToPath(new URL('../dist/admin/page/', import.meta.url));

function read(path) {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

mkdirSync(to, { recursive: true });
const names = readdirSync(from);
for (const name of names) {
  const wanted = readFileSync(from + name);
  if (read(to + name)?.equals(wanted)) continue;
  // Beside the directory, not in it: the program reads whatever is there.
  const temporary = `${to.slice(0, -1)}-${process.pid}-${name}`;
  writeFileSync(temporary, wanted);
  renameSync(temporary, to + name);
}
for (const name of readdirSync(to)) if (!names.includes(name)) rmSync(to + name);

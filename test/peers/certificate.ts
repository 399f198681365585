// A certificate that signs itself, made by openssl for one test.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '../support/temp-dir.ts';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
  /** The file that `cert` stands in. */
  readonly path: string;
}

/** @param names subject alternative names, such as `IP:127.0.0.1,DNS:localhost` */
export function selfSigned(names: string): Certificate {
  const directory = tempDir();
  const [key, path] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const what = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=test'];
  execFileSync('openssl', ['req', '-x509', ...what, '-addext', `subjectAltName=${names}`, '-keyout', key, '-out', path], {
    stdio: 'ignore',
  });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(path, 'utf8'), path };
}

// Real CGI scripts behind a real fcgiwrap.

import { createHash, randomBytes } from 'node:crypto';
import { describe, expect } from 'vitest';
import { cgiScript, startFcgiwrap } from '../peers/fcgiwrap.ts';
import { type Answer, ask } from '../support/clients/http-client.ts';
import { itWith } from '../support/program/programs.ts';
import { type Proxy as Site, startProxy } from '../support/program/proxy.ts';

const itWrapped = itWith('fcgiwrap');

function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function startScript(name: string): Promise<Site> {
  const wrap = await startFcgiwrap();
  return startProxy(['--upstream', wrap.socket, '--param', `SCRIPT_FILENAME=${cgiScript(name)}`]);
}

describe('a CGI script behind fcgiwrap', () => {
  itWrapped('gets the request and its body, and its output comes back', async () => {
    const site = await startScript('echo.sh');
    const get = await ask(site.path, { path: '/some/path?a=b' });
    expect(get.status).toBe(200);
    expect(get.headers['x-method']).toBe('GET');
    expect(get.body.toString()).toBe(`uri=/some/path?a=b\npath=/some/path\nquery=a=b\nlength=\nsha256=${sha256('')}\n`);
    for (const size of [0, 10, 300_000]) {
      const body = randomBytes(size);
      const put = await ask(site.path, { method: 'PUT', path: '/f', body: [body] });
      expect(put.headers['x-method']).toBe('PUT');
      expect(put.body.toString()).toBe(`uri=/f\npath=/f\nquery=\nlength=${size}\nsha256=${sha256(body)}\n`);
    }
  });

  itWrapped('may be written in any style of CGI', async () => {
    const site = await startScript('answers.pl');
    const get = (query: string): Promise<Answer> => ask(site.path, { path: `/here?${query}` });
    expect(await get('redirect')).toMatchObject({ status: 302, headers: { location: 'http://elsewhere.example/a?b=c' } });
    const withBody = await get('redirect-with-body');
    expect(withBody).toMatchObject({ status: 302, reason: 'Found', headers: { location: '/see/other' } });
    expect(withBody.body.toString()).toBe('over there\n');
    const landed = await get('local-redirect');
    expect(landed.status).toBe(200);
    expect(landed.headers).not.toHaveProperty('location');
    expect(landed.body.toString()).toBe('landed at /other/path\n');
    expect(await get('status')).toMatchObject({ status: 410, reason: 'Gone' });
    expect(await get('reason')).toMatchObject({ status: 420, reason: 'Enhance Your Calm' });
    expect((await get('cookies')).headers['set-cookie']).toEqual(['a=1', 'b=2; Path=/']);
    const line = await site.logLine(({ message }) => message === 'worker wrote to STDERR');
    expect(line.fields['stderr']).toBe('something for the log');
  });

  itWrapped('that breaks the rules of CGI is a 502, and nothing of its answer gets out', async () => {
    const site = await startScript('answers.pl');
    for (const query of ['bad-line', 'nothing']) {
      const answer = await ask(site.path, { method: 'POST', path: `/?${query}`, body: 'x' });
      expect(answer.status, query).toBe(502);
      expect(answer.body.toString()).not.toContain('secret');
    }
    expect((await ask(site.path, { path: '/?landed' })).status).toBe(200);
  });

  itWrapped('is not there: fcgiwrap itself says so', async () => {
    const site = await startScript('no-such-script');
    expect((await ask(site.path, { path: '/' })).status).toBe(403);
  });
});

// What is said of mistakes in the alerts: keys, targets that lack something, and secrets, which no
// message quotes.

import { describe, expect, it } from 'vitest';
import { marked, problemsOf } from '../../support/parts/config-file.ts';

const TOKEN = '123456:a-token-that-nobody-may-see';
const FILES = {
  '/etc/token': TOKEN,
  '/open/token': TOKEN,
  '/etc/odd': `${TOKEN}!`,
  '/etc/lines': `${TOKEN}\n${TOKEN}\n`,
  '/etc/empty': '\n',
  '/etc/url': `ftp://a.example/${TOKEN}`,
};

function problemsIn(alerts: string): readonly string[] {
  return problemsOf(`pools: { rt: { upstreams: [/a] } }\nalerts: ${alerts}\n`, FILES);
}

/** One problem, where the mark is. */
function expectOne(alerts: string, message: string): void {
  const { text, at } = marked(`pools: { rt: { upstreams: [/a] } }\nalerts: ${alerts}\n`);
  expect(problemsOf(text, FILES)).toEqual([`${at}: alerts.${message}`]);
}

describe('alerts', () => {
  it.each([
    ['{ →affter: 3s, targets: {} }', "affter: unknown key; did you mean 'after'?"],
    [
      '{ after: →soon, targets: {} }',
      "after: 'soon' is not a duration: expected a number with ms, s, m, h or d, such as 500ms or 30s (at most 24d)",
    ],
    ['{ quiet: →0, targets: {} }', "quiet: '0' is no limit: expected at least 1ms"],
    ['{ queue: →on, targets: {} }', "queue: 'on' is not known; expected off"],
    ['{ queue: { over: →0 }, targets: {} }', "queue.over: '0' is not a whole number of at least 1"],
    [
      '{ errors: { share: →120% }, targets: {} }',
      "errors.share: '120%' is not a share: expected a percentage up to 100%, or a number from 0 to 1, such as 20% or 0.2",
    ],
    ['{ name: →"", targets: {} }', 'name: expected one line of at most 100 characters'],
    [
      '{ targets: { →"a b": { to: command, command: [a] } } }',
      "targets[\"a b\"]: 'a b' is not a target's name: up to 64 letters, digits, '.', '_' and '-'",
    ],
  ])('are spelt right: %s', (alerts, message) => expectOne(alerts, message));

  it('must say who is told', () => {
    expect(problemsIn('{ after: 3s }')).toEqual(["f.yaml:2:1: alerts: 'targets' is missing; expected a map"]);
  });
});

describe('a target', () => {
  it.each([
    ['{ to: →mail }', "to: 'mail' is not known; expected webhook or telegram or command"],
    [
      '{ to: →webhok, url: "http://a" }',
      "to: 'webhok' is not known; expected webhook or telegram or command; did you mean 'webhook'?",
    ],
    ['{ to: →webhook }', "to: 'to: webhook' needs 'url' or 'url_file'"],
    ['{ to: webhook, url: "http://a/", chat: →1 }', "chat: it is for 'to: telegram'; this is 'to: webhook'"],
    [
      '{ to: telegram, token_file: /etc/token, chat: 1, →tokn: 1 }',
      'tokn: unknown key; expected to, url, url_file, authorization_file, token_file, chat, api, command, timeout or only',
    ],
    ['{ to: →telegram, chat: 1 }', "to: 'to: telegram' needs 'token_file'"],
    ['{ to: →telegram, token_file: /etc/token }', "to: 'to: telegram' needs 'chat', such as -1001234567890"],
    ['{ to: telegram, token_file: /etc/token, chat: →ops }', 'chat: no chat: expected a number, or @CHANNEL'],
    ['{ to: →command }', "to: 'to: command' needs 'command', a list: [PROGRAM, ARGUMENT...]"],
    ['{ to: command, command: →"page me" }', "command: found 'page me', expected a list of text"],
    [
      '{ to: command, command: [a], only: [→pools] }',
      "only[0]: 'pools' is not known; expected upstream or pool or queue or errors or reload; did you mean 'pool'?",
    ],
    ['{ to: webhook, url: →example.org }', 'url: not an URL: expected http:// or https:// and a host'],
    [
      '{ to: webhook, url: →"https://u:p@a.example/" }',
      "url: an URL with a password in it; 'authorization_file' names a file for it",
    ],
  ])('has what it needs, and nothing for another kind: %s', (target, message) => {
    expectOne(`{ targets: { ops: ${target} } }`, `targets.ops.${message}`);
  });

  it('has its URL from one place', () => {
    const { length } = problemsIn('{ targets: { ops: { to: webhook, url: "http://a/", url_file: /etc/none } } }');
    expect(length).toBe(2);
  });
});

describe('a secret', () => {
  it.each([
    [
      '{ to: telegram, chat: 1, token_file: →/etc/none }',
      'token_file: the file cannot be read: ENOENT; expected a path of a file with the secret',
    ],
    [
      '{ to: telegram, chat: 1, token_file: →/open/token }',
      "token_file: every user of this machine can read or change the file: 'chmod o=' helps",
    ],
    ['{ to: telegram, chat: 1, token_file: →/etc/odd }', "token_file: in the file: no bot's token: expected DIGITS:LETTERS"],
    [
      '{ to: telegram, chat: 1, token_file: →/etc/lines }',
      'token_file: the file holds more than one line of plain characters: expected a secret',
    ],
    ['{ to: telegram, chat: 1, token_file: →/etc/empty }', 'token_file: the file is empty: expected a secret'],
    ['{ to: webhook, url_file: →/etc/url }', 'url_file: in the file: not an URL: expected http:// or https:// and a host'],
    [
      `{ to: telegram, chat: 1, token_file: →${TOKEN} }`,
      'token_file: the file cannot be read: ENOENT; expected a path of a file with the secret',
    ],
    [`{ to: telegram, token_file: /etc/token, chat: →${TOKEN} }`, 'chat: no chat: expected a number, or @CHANNEL'],
    [`{ to: webhook, url: →"ftp://a.example/${TOKEN}" }`, 'url: not an URL: expected http:// or https:// and a host'],
  ])('is in a file that not everybody can read, and no message quotes it: %s', (target, message) => {
    const { text, at } = marked(`pools: { rt: { upstreams: [/a] } }\nalerts: { targets: { ops: ${target} } }\n`);
    const problems = problemsOf(text, FILES);
    expect(problems).toEqual([`${at}: alerts.targets.ops.${message}`]);
    expect(problems.join()).not.toContain(TOKEN);
  });
});

// The answers of routes that send the client elsewhere, or give every request the same answer.

import type { RedirectRoute, RespondRoute } from '../../config/route.ts';
import { byteString } from '../../core/byte-string.ts';
import { compileTemplate, urlOf, type VariableScope } from '../request/variables.ts';
import { plainPage } from '../response/error-page.ts';
import type { Answerer, LocalAnswer } from './local-answer.ts';

/** @throws ConfigError for a variable that does not exist */
export function redirector({ to, status }: RedirectRoute, scope: VariableScope): Answerer {
  const template = compileTemplate(to, scope);
  return (facts) => {
    const { body, headers } = plainPage(status);
    return { kind: 'whole', status, headers: ['Location', urlOf(template, facts), ...headers], body };
  };
}

export function responder({ status, headers, body: text }: RespondRoute): Answerer {
  const usual = plainPage(status);
  const given = [...headers].flatMap(([name, value]) => [name, byteString(value)]);
  const typed = [...headers.keys()].some((name) => name.toLowerCase() === 'content-type');
  const type = typed ? [] : ['Content-Type', 'text/plain; charset=utf-8'];
  // A status alone, with nothing to say, is said in words where it is a mistake.
  const answer: LocalAnswer =
    text === '' && status >= 400 && headers.size === 0
      ? { kind: 'whole', ...usual }
      : { kind: 'whole', status, headers: text === '' ? given : [...type, ...given], body: Buffer.from(text) };
  return () => answer;
}

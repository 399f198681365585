// What a route changes of an answer on its way to the client, whoever made it: headers set and
// hidden, pages for statuses.

import type { HeaderChanges } from '../../config/route.ts';
import type { ProxyError } from '../../core/errors.ts';
import { compileTemplate, filledIn, type RequestFacts, type Template, type VariableScope } from '../request/variables.ts';
import type { DocumentHead } from './document-head.ts';
import { plainPage, type WholeAnswer } from './error-page.ts';

/** A page that stands in for the body of answers with some status. */
export interface Page {
  readonly type: string;
  readonly body: Buffer;
}

export interface AnswerRules {
  /** In lower case; those that are set are among them. */
  readonly dropped: ReadonlySet<string>;
  readonly set: readonly (readonly [name: string, value: Template])[];
  readonly pages: ReadonlyMap<number, Page>;
}

/** Say what a body is; they go with the body that a page replaces. */
const OF_THE_BODY = new Set([
  ...['content-type', 'content-length', 'content-encoding', 'content-range', 'content-language', 'content-disposition'],
  ...['etag', 'last-modified', 'accept-ranges', 'content-md5', 'digest'],
]);

/**
 * @returns undefined when nothing is changed
 * @throws ConfigError for a variable that does not exist
 */
export function answerRules(
  { set, hide }: HeaderChanges,
  pages: ReadonlyMap<number, Page>,
  scope: VariableScope,
): AnswerRules | undefined {
  if (set.size === 0 && hide.size === 0 && pages.size === 0) return undefined;
  return {
    dropped: new Set([...hide, ...[...set.keys()].map((name) => name.toLowerCase())]),
    set: [...set].map(([name, value]) => [name, compileTemplate(value, scope)] as const),
    pages,
  };
}

/** The head of a worker's answer as the client gets it. */
export function changedHead(rules: AnswerRules | undefined, head: DocumentHead, facts: () => RequestFacts): DocumentHead {
  if (rules === undefined) return head;
  const page = pageFor(rules, head.status);
  if (page === undefined) return { ...head, headers: changedHeaders(rules, head.headers, facts) };
  const headers = [...without(head.headers, OF_THE_BODY), 'Content-Type', page.type];
  return { ...head, headers: changedHeaders(rules, headers, facts), length: undefined, instead: page.body };
}

/** The answer of a request that failed. @param allow methods that would have been taken */
export function errorAnswer(
  rules: AnswerRules | undefined,
  error: ProxyError,
  facts: () => RequestFacts,
  allow?: ReadonlySet<string>,
): WholeAnswer {
  return changedAnswer(rules, plainPage(error.status, allow), facts);
}

/** An answer of ours as the client gets it. */
export function changedAnswer(rules: AnswerRules | undefined, answer: WholeAnswer, facts: () => RequestFacts): WholeAnswer {
  if (rules === undefined) return answer;
  const page = pageFor(rules, answer.status);
  const { status, body } = answer;
  if (page === undefined) return { status, headers: changedHeaders(rules, answer.headers, facts), body };
  const headers = [...without(answer.headers, OF_THE_BODY), 'Content-Type', page.type];
  return { status, headers: changedHeaders(rules, headers, facts), body: page.body };
}

/** Names and values in turn. */
export function changedHeaders(
  rules: AnswerRules | undefined,
  headers: readonly string[],
  facts: () => RequestFacts,
): readonly string[] {
  if (rules === undefined) return headers;
  const changed = without(headers, rules.dropped);
  for (const [name, template] of rules.set) changed.push(name, filledIn(template, facts()));
  return changed;
}

/** The page for a status, if it may have a body at all (RFC 9110 6.4.1). */
function pageFor(rules: AnswerRules, status: number): Page | undefined {
  return status === 204 || status === 304 ? undefined : rules.pages.get(status);
}

function without(headers: readonly string[], names: ReadonlySet<string>): string[] {
  const left: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? '';
    if (!names.has(name.toLowerCase())) left.push(name, headers[at + 1] ?? '');
  }
  return left;
}

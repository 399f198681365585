// What a route changes of a request on its way to an HTTP upstream: headers set and hidden, a
// prefix taken off the path.

import type { OutgoingHttpHeaders } from 'node:http';
import type { HeaderChanges } from '../../config/route.ts';
import { byteString } from '../../core/byte-string.ts';
import { unmount } from '../request/script.ts';
import type { RequestTarget } from '../request/target.ts';
import {
  compileTemplate,
  escapePath,
  filledIn,
  type RequestFacts,
  type Template,
  type VariableScope,
} from '../request/variables.ts';

export interface RequestChanges {
  /** In lower case; those that are set are among them. */
  readonly dropped: ReadonlySet<string>;
  readonly set: readonly (readonly [name: string, value: Template])[];
  /** Without a slash at its end; empty for nothing. */
  readonly prefix: string;
}

/** @throws ConfigError for a variable that does not exist */
export function requestChanges({ set, hide }: HeaderChanges, prefix: string, scope: VariableScope): RequestChanges {
  return {
    dropped: new Set([...hide, ...[...set.keys()].map((name) => name.toLowerCase())]),
    set: [...set].map(([name, value]) => [name, compileTemplate(value, scope)] as const),
    prefix: byteString(prefix.replace(/\/+$/, '')),
  };
}

export function changedFields(changes: RequestChanges, fields: OutgoingHttpHeaders, facts: RequestFacts): OutgoingHttpHeaders {
  if (changes.dropped.size === 0) return fields;
  const kept = Object.entries(fields).filter(([name]) => !changes.dropped.has(name.toLowerCase()));
  return Object.fromEntries([...kept, ...changes.set.map(([name, value]) => [name, filledIn(value, facts)] as const)]);
}

/**
 * The request target: as the client sent it, unless something is taken off, and then written anew
 * from the path that routes go by.
 */
export function changedTarget({ prefix }: RequestChanges, target: RequestTarget): string {
  const mounted = unmount(target.path, prefix);
  if (mounted.prefix === '') return target.raw;
  const path = escapePath(mounted.rest === '' ? '/' : mounted.rest);
  const question = target.raw.indexOf('?');
  return question === -1 ? path : path + target.raw.slice(question);
}

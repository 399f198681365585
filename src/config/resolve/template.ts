// Holds the texts of pools and routes against the variables that there are.

import { ConfigError } from '../../core/errors.ts';
import type { Report } from '../report.ts';
import type { PathPattern } from '../route.ts';
import type { RawPool, RawRoute } from '../schema/file.ts';
import { type Groups, groupsOf, NO_GROUPS, parseTemplate, VARIABLES } from '../template.ts';

/**
 * Says what is wrong with the variables of a pool's parameters, which hold for every route to it.
 */
export function checkPoolTemplates({ params }: RawPool, report: Report): void {
  checkTexts(params, NO_GROUPS, report);
}

/** Says what is wrong with the variables in a route. */
export function checkRouteTemplates(raw: RawRoute, path: PathPattern, report: Report): void {
  const groups = path.kind === 'regex' ? groupsOf(path.regex) : NO_GROUPS;
  for (const name of groups.names) {
    if (VARIABLES.some((known) => known === name)) report.at(raw, 'path_regex', `its group '${name}' has the name of a variable`);
  }
  checkTexts(raw.params, groups, report);
  checkTexts(raw.request_headers?.set, groups, report);
  checkTexts(raw.response_headers?.set, groups, report);
  const { redirect } = raw;
  if (typeof redirect === 'string') check(raw, 'redirect', redirect, groups, report);
  else if (redirect?.to !== undefined) check(redirect, 'to', redirect.to, groups, report);
}

function checkTexts(texts: ReadonlyMap<string, string> | undefined, groups: Groups, report: Report): void {
  if (texts !== undefined) for (const [name, text] of texts) check(texts, name, text, groups, report);
}

function check(holder: object, key: string, text: string, groups: Groups, report: Report): void {
  try {
    parseTemplate(text, groups);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    report.at(holder, key, error.message);
  }
}

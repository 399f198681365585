// The alerts that the old process of an upgrade has reported as bad, passed on so that the new one
// does not report them again.

import type { Subject } from '../alerts/alert.ts';
import { ALERT_KINDS } from '../config/alerts.ts';

/** In the environment of the new process. */
const OPEN_ALERTS = 'FCGI_LB_OPEN_ALERTS';
/** Characters: the kernel takes 128 KiB for one variable. What does not fit is reported again. */
const MOST = 64_000;

/** The variable to start the new process with. */
export function openAlertsVariable(open: readonly Subject[]): Readonly<Record<string, string>> {
  const parts: string[] = [];
  let size = 2;
  for (const { kind, pool, upstream } of open) {
    const part = JSON.stringify({ kind, pool, upstream });
    size += Buffer.byteLength(part) + 1;
    if (size > MOST) break;
    parts.push(part);
  }
  return parts.length === 0 ? {} : { [OPEN_ALERTS]: `[${parts.join(',')}]` };
}

/**
 * Reads the variable and removes it: it means nothing to what this process starts.
 * @param environment changed in place
 */
export function takeOpenAlerts(environment: NodeJS.ProcessEnv): readonly Subject[] {
  const text = environment[OPEN_ALERTS];
  delete environment[OPEN_ALERTS];
  if (text === undefined) return [];
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list.flatMap(subjectOf) : [];
  } catch {
    // An old process of another version: all is reported again.
    return [];
  }
}

function subjectOf(item: unknown): readonly Subject[] {
  if (typeof item !== 'object' || item === null) return [];
  const { kind, pool, upstream } = item as Readonly<Record<string, unknown>>;
  const known = ALERT_KINDS.find((each) => each === kind);
  if (known === undefined) return [];
  return [
    {
      kind: known,
      ...(typeof pool === 'string' ? { pool } : {}),
      ...(typeof upstream === 'string' ? { upstream } : {}),
    },
  ];
}

// Makes the settings of alerts of what their part of the file says, and sees that each target has
// what it needs and no more.

import { ALERT_KINDS, type AlertRules, type AlertSettings, type AlertTarget } from '../alerts.ts';
import { ALERT_DEFAULTS, TARGET_DEFAULTS } from '../defaults.ts';
import type { Report } from '../report.ts';
import type { RawAlerts, RawAlertTarget } from '../schema/file.ts';

/** Which kind of target each of these keys is for. */
const BELONGS = {
  url: 'webhook',
  url_file: 'webhook',
  authorization_file: 'webhook',
  token_file: 'telegram',
  chat: 'telegram',
  api: 'telegram',
  command: 'command',
} as const;

export function alertSettings(raw: RawAlerts, report: Report): AlertSettings {
  const preset = ALERT_DEFAULTS;
  return {
    name: raw.name,
    after: raw.after ?? preset.after,
    quiet: raw.quiet ?? preset.quiet,
    group: raw.group ?? preset.group,
    rules: rulesOf(raw),
    targets: [...(raw.targets ?? [])].flatMap(([name, target]) => targetOf(name, target, report) ?? []),
  };
}

function rulesOf(raw: RawAlerts): AlertRules {
  const preset = ALERT_DEFAULTS.rules;
  const { queue = {}, errors = {} } = raw;
  return {
    upstream: raw.upstream ?? preset.upstream,
    pool: raw.pool ?? preset.pool,
    reload: raw.reload ?? preset.reload,
    queue: queue === 'off' || preset.queue === undefined ? undefined : { over: queue.over ?? preset.queue.over },
    errors:
      errors === 'off' || preset.errors === undefined
        ? undefined
        : {
            share: errors.share ?? preset.errors.share,
            window: errors.window ?? preset.errors.window,
            minRequests: errors.min_requests ?? preset.errors.minRequests,
          },
  };
}

/** @returns undefined when nothing can be sent there; why is in the report */
function targetOf(name: string, raw: RawAlertTarget, report: Report): AlertTarget | undefined {
  const { to } = raw;
  if (to === undefined) return undefined;
  for (const [key, kind] of Object.entries(BELONGS)) {
    if (kind !== to && report.has(raw, key)) report.at(raw, key, `it is for 'to: ${kind}'; this is 'to: ${to}'`);
  }
  const only = new Set(raw.only ?? ALERT_KINDS);
  const common = { name, timeout: raw.timeout ?? TARGET_DEFAULTS.timeout, only };
  switch (to) {
    case 'webhook': {
      const [url, file] = [report.has(raw, 'url'), report.has(raw, 'url_file')];
      if (!url && !file) report.at(raw, 'to', "'to: webhook' needs 'url' or 'url_file'");
      if (url && file) report.at(raw, 'url_file', "'url' is there already; one of the two is enough");
      const where = raw.url ?? raw.url_file;
      return where === undefined ? undefined : { ...common, kind: to, url: where, authorization: raw.authorization_file };
    }
    case 'telegram': {
      if (!report.has(raw, 'token_file')) report.at(raw, 'to', "'to: telegram' needs 'token_file'");
      if (!report.has(raw, 'chat')) report.at(raw, 'to', "'to: telegram' needs 'chat', such as -1001234567890");
      if (raw.token_file === undefined || raw.chat === undefined) return undefined;
      return { ...common, kind: to, token: raw.token_file, chat: raw.chat, api: raw.api ?? TARGET_DEFAULTS.api };
    }
    case 'command': {
      const [program, ...words] = raw.command ?? [];
      if (!report.has(raw, 'command')) report.at(raw, 'to', "'to: command' needs 'command', a list: [PROGRAM, ARGUMENT...]");
      return program === undefined ? undefined : { ...common, kind: to, command: [program, ...words] };
    }
  }
}

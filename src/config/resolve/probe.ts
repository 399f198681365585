// Makes a probe's settings of what its part of the file says, and sees that each kind of probe has
// what it needs and no more.

import { ConfigError } from '../../core/errors.ts';
import { PROBE_DEFAULTS } from '../defaults.ts';
import type { ProbeExpectation, ProbeQuestion, ProbeSettings } from '../health.ts';
import type { Report } from '../report.ts';
import type { RawProbe } from '../schema/file.ts';
import type { StatusRange } from '../schema/http-kinds.ts';
import { presetOf } from '../schema/preset.ts';
import { EXPECT, PROBE } from '../schema/probe.ts';
import { checkParamSize } from '../values.ts';

/** Which kind of probe each of these keys is for. */
const BELONGS = { uri: 'request', method: 'request', params: 'request', expect: 'request', command: 'exec' } as const;

/** @returns undefined when the question cannot be asked; `checkProbe` says why */
export function probeSettings(raw: RawProbe): ProbeSettings | undefined {
  const question = questionOf(raw);
  if (question === undefined) return undefined;
  const preset = PROBE_DEFAULTS;
  return {
    question,
    interval: raw.interval ?? preset.interval,
    timeout: raw.timeout ?? preset.timeout,
    rise: raw.rise ?? preset.rise,
    fall: raw.fall ?? preset.fall,
    when: raw.when ?? preset.when,
    wake: raw.wake ?? preset.wake,
  };
}

function questionOf(raw: RawProbe): ProbeQuestion | undefined {
  const { probe, uri, method = presetOf(PROBE.properties.method), params = new Map() } = raw;
  if (probe === undefined) return undefined;
  switch (probe) {
    case 'connect':
    case 'values':
      return { kind: probe };
    case 'request':
      return uri === undefined ? undefined : { kind: 'request', method, uri, params, expect: expectation(raw.expect) };
    case 'exec': {
      const [program, ...rest] = raw.command ?? [];
      return program === undefined ? undefined : { kind: 'exec', command: [program, ...rest] };
    }
  }
}

/** Says what a probe lacks, and what is not for its kind. */
export function checkProbe(raw: RawProbe, report: Report): void {
  const { probe } = raw;
  if (probe === undefined) return;
  for (const [key, kind] of Object.entries(BELONGS)) {
    if (kind !== probe && report.has(raw, key)) report.at(raw, key, `it is for 'probe: ${kind}'; this is 'probe: ${probe}'`);
  }
  if (probe === 'request') {
    if (!report.has(raw, 'uri')) report.at(raw, 'probe', "'probe: request' needs 'uri', such as /ping");
    checkFixedParams(raw.params, report);
  }
  if (probe === 'exec' && !report.has(raw, 'command'))
    report.at(raw, 'probe', "'probe: exec' needs 'command', a list: [PROGRAM, ARGUMENT...]");
}

/**
 * Parameters of requests that no client has made: there is nothing that variables could stand for.
 */
function checkFixedParams(raw: RawProbe['params'], report: Report): void {
  if (raw === undefined) return;
  for (const [name, value] of raw) {
    if (value.includes('$')) report.at(raw, name, `'${value}': a probe has no variables`);
    checkSize(raw, name, value, report);
  }
}

/** Complains of a parameter that does not fit in a record. */
export function checkSize(params: object, name: string, value: string, report: Report): void {
  try {
    checkParamSize(name, value);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    report.at(params, name, error.message);
  }
}

function expectation(raw: RawProbe['expect'] = {}): ProbeExpectation {
  const { status = presetOf(EXPECT.properties.status), headers = new Map(), body } = raw;
  return {
    statuses: isOne(status) ? [status] : status,
    headers: new Map([...headers].map(([name, pattern]) => [name.toLowerCase(), pattern])),
    body,
  };
}

function isOne(status: StatusRange | readonly StatusRange[]): status is StatusRange {
  return typeof status[0] === 'number';
}

// What a successor learns of the open alerts: all that fits, and nothing from a text that is
// damaged.

import { describe, expect, it } from 'vitest';
import type { Subject } from '../../../src/alerts/alert.ts';
import { openAlertsVariable, takeOpenAlerts } from '../../../src/app/open-alerts.ts';

describe('open alerts', () => {
  it('arrive as they were, and leave the environment', () => {
    const open: readonly Subject[] = [
      { kind: 'upstream', pool: 'rt', upstream: '/run/ü "1".sock' },
      { kind: 'pool', pool: 'rt' },
      { kind: 'reload' },
    ];
    const environment: NodeJS.ProcessEnv = { A: 'b', ...openAlertsVariable(open) };
    expect(takeOpenAlerts(environment)).toEqual(open);
    expect(environment).toEqual({ A: 'b' });
    expect(takeOpenAlerts(environment)).toEqual([]);
    expect(openAlertsVariable([])).toEqual({});
  });

  it('fit into a variable, however many there are', () => {
    const many = Array.from(
      { length: 10_000 },
      (_, index): Subject => ({ kind: 'upstream', pool: 'rt', upstream: `/run/ü${index}` }),
    );
    const environment: NodeJS.ProcessEnv = { ...openAlertsVariable(many) };
    const [text = ''] = Object.values(environment);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(64_000);
    const taken = takeOpenAlerts(environment);
    expect(taken.length).toBeGreaterThan(1000);
    expect(taken).toEqual(many.slice(0, taken.length));
  });

  it.each(['', '{', 'null', '{}', '[null, 1, {"kind": "other"}, []]'])('that cannot be read are none: %s', (text) => {
    expect(takeOpenAlerts({ FCGI_LB_OPEN_ALERTS: text })).toEqual([]);
  });
});

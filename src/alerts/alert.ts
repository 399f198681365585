// The data of an alert: one change of one watched subject, to bad or back to good.

import type { AlertKind } from '../config/alerts.ts';

/** What is watched: an upstream, something of a pool, or the reloads. */
export interface Subject {
  readonly kind: AlertKind;
  readonly pool?: string | undefined;
  readonly upstream?: string | undefined;
}

/** The state of a subject. */
export interface AlertState {
  readonly is: 'bad' | 'good';
  /** In more detail: down, up, draining, left... */
  readonly state: string;
  readonly reason: string;
  /** Wall-clock time of its beginning. */
  readonly since: Date;
}

/** A change that is reported. */
export interface Alert extends Subject, AlertState {
  /**
   * Changes of the subject that were not reported since its last alert; above 0 when it flaps.
   */
  readonly untold: number;
}

/** One text for each subject, and for no other. */
export function keyOf({ kind, pool = '', upstream = '' }: Subject): string {
  return JSON.stringify([kind, pool, upstream]);
}

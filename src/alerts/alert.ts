// What an alert says: one change for the worse or back, of one thing that is watched.

import type { AlertKind } from '../config/alerts.ts';

/** What is watched: an upstream, something of a pool, or the reloads. */
export interface Subject {
  readonly kind: AlertKind;
  readonly pool?: string | undefined;
  readonly upstream?: string | undefined;
}

/** How a subject is, in words. */
export interface AlertState {
  readonly is: 'bad' | 'good';
  /** One word more: down, up, draining, left... */
  readonly state: string;
  readonly reason: string;
  /** Wall-clock time since when it is so. */
  readonly since: Date;
}

/** A change that is told. */
export interface Alert extends Subject, AlertState {
  /**
   * Times the subject changed since the last alert of it without a word; more than 0 when it flaps.
   */
  readonly untold: number;
}

/** One text for each subject, and for no other. */
export function keyOf({ kind, pool = '', upstream = '' }: Subject): string {
  return JSON.stringify([kind, pool, upstream]);
}

// What an alert says of a failed reload: where the problems are, not what the configuration has
// there.

interface Reload {
  readonly is: 'good' | 'bad';
  readonly by: string;
  readonly generation: number;
  readonly problems: readonly string[];
}

/** Problems that are named. */
const SHOWN = 5;

/**
 * One sentence. Messages quote what they found, and a mistyped parameter may be a password: they
 * stay in the log.
 */
export function reloadReason({ is, by, generation, problems }: Reload): string {
  if (is === 'good') return `generation ${generation} is in force (${by})`;
  const places = problems.flatMap((problem) => /^(?:.*?:\d+:\d+)(?=: )/.exec(problem)?.[0] ?? []);
  const more = places.length - SHOWN;
  const shown = [...places.slice(0, SHOWN), ...(more > 0 ? [`${more} more places`] : [])].join(', ');
  const where = places.length === 0 ? '' : ` at ${shown}`;
  return `generation ${generation} stays in force (${by}); the log says what is wrong${where}`;
}

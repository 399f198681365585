// The display options of the commands: how wide, in colours or not, in which order.

import { oneOf } from '../../config/values.ts';
import { ConfigError } from '../../core/errors.ts';
import { type DisplayOptions, SORT_NAMES, type SortName } from './status-view.ts';

/** The part of standard output that is needed, so that a test can be in its place. */
export interface TerminalFacts {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** A pipe or a file gets everything, and no colours. */
export function displayOptionsOf(
  output: TerminalFacts,
  environment: NodeJS.ProcessEnv,
): Pick<DisplayOptions, 'width' | 'colours'> {
  if (output.isTTY !== true) return { width: Number.POSITIVE_INFINITY, colours: false };
  const { NO_COLOR: plain, TERM: terminal } = environment;
  // 0: the terminal does not know its width.
  return { width: output.columns || 80, colours: (plain === undefined || plain === '') && terminal !== 'dumb' };
}

/** @throws ConfigError */
export function sortOf(text: string | undefined): SortName | undefined {
  if (text === undefined) return undefined;
  try {
    return oneOf(SORT_NAMES)(text);
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`option --sort: ${error.message}`);
    throw error;
  }
}

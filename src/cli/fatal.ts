// What an error that ends the program says to the operator.

import { ConfigFileError } from '../config/problem.ts';
import { asError } from '../core/errors.ts';

export function fatalMessage(error: unknown): string {
  // One line a problem, each beginning with its place, as editors and terminals know how to open
  // it.
  if (error instanceof ConfigFileError) return `${error.message}\n`;
  return `fcgi-lb: ${asError(error).message}\n`;
}

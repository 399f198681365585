// Fills in `${NAME}` and `${NAME:-default}` from the environment.

export interface Expansion {
  readonly text: string;
  readonly problems: readonly { readonly index: number; readonly reference: string; readonly message: string }[];
}

/**
 * What is filled in is not looked at again: a value from the environment cannot bring in another
 * variable, nor any YAML. `$${` stands for `${`. A `$` before anything else stays: nginx's
 * variables are for later.
 * @param quote is applied to what is filled in
 */
export function expand(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
  quote: (text: string) => string = (filled) => filled,
): Expansion {
  const problems: { index: number; reference: string; message: string }[] = [];
  const filled = text.replace(/\$\$\{|\$\{([^}]*)(\}?)/g, (reference, inside: string | undefined, end: string, index: number) => {
    if (inside === undefined) return '${';
    const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inside);
    const [, name, preset] = match ?? [];
    if (end === '' || name === undefined) {
      const shown = reference.length <= 40 ? reference : `${reference.slice(0, 37)}...`;
      problems.push({ index, reference, message: `'${shown}' is no variable: expected \${NAME} or \${NAME:-default}` });
      return '';
    }
    const found = Object.hasOwn(environment, name) ? environment[name] : undefined;
    // As in the shell, a default is also for what is set to nothing.
    if (preset !== undefined) return quote(found === undefined || found === '' ? preset : found);
    if (found !== undefined) return quote(found);
    problems.push({
      index,
      reference,
      message: `environment variable ${name} is not set; set it, or give a default with \${${name}:-...}`,
    });
    return '';
  });
  return { text: filled, problems };
}

// What loading a configuration needs of the machine: files, the environment and a few defaults. A
// port; app/ has the real one.

export interface ConfigHost {
  /** @throws Error (a Node system error) */
  readText(path: string): string;
  /** The same, with the permission bits of that very file. @throws Error (a Node system error) */
  readPrivate(path: string): { readonly text: string; readonly mode: number };
  /** The files that an absolute glob matches, in order of their names. */
  findFiles(pattern: string): readonly string[];
  exists(path: string): boolean;
  /** Why a file cannot be read whole, when it may have so many bytes; undefined when it can. */
  fileProblem(path: string, most: number): string | undefined;
  /** Why no file can be written in a directory; undefined when one can. */
  directoryProblem(path: string): string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where temporary files go by default. */
  readonly tempDir: string;
  /** Whether the log goes to a terminal. */
  readonly terminal: boolean;
}
